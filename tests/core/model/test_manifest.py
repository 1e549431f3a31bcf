"""What a version is, and which names may be given to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.errors import InputError
from halfdoor.core.model.manifest import (
    Name,
    check_label,
    check_paths,
    check_repository,
    manifest_of,
    names,
    repository_of,
    sha_of,
)

FILES = [
    ("b.bin", "sha256:" + "2" * 64, 7, ["final-parameters"]),
    ("a.md", "sha256:" + "1" * 64, 3, ["model-card"]),
]


def made(files=FILES, variants=(), version="1.0"):
    items = {
        "model-card": ("CC-BY-4.0", "sha256:" + "3" * 64),
        "final-parameters": (None, "sha256:" + "4" * 64),
    }
    return manifest_of(("small", version, "Example Lab"), items, files, variants)


def test_the_digest_does_not_depend_on_the_order_in_which_files_were_found():
    assert made(FILES).digest == made(FILES[::-1]).digest
    assert [one.path for one in made().files] == ["a.md", "b.bin"]


@pytest.mark.parametrize(
    "other",
    [
        [FILES[0]],
        [FILES[0], ("a.md", "sha256:" + "9" * 64, 3, ["model-card"])],
        [FILES[0], ("a.md", "sha256:" + "1" * 64, 4, ["model-card"])],
        [FILES[0], ("A.md", "sha256:" + "1" * 64, 3, ["model-card"])],
        [FILES[0], ("a.md", "sha256:" + "1" * 64, 3, ["model-card", "final-parameters"])],
    ],
)
def test_every_fact_about_a_file_changes_the_digest(other):
    assert made(other).digest != made().digest


def test_each_variant_has_a_revision_of_its_own():
    digest = made().digest
    shas = {sha_of(digest), sha_of(digest, "base"), sha_of(digest, "instruct")}
    assert len(shas) == 3
    assert {len(sha) for sha in shas} == {40}
    assert digest.startswith(f"sha256:{sha_of(digest)}")


def test_variants_are_named_as_revisions_or_as_repositories():
    manifest = made(variants=("base",))
    assert names(manifest, "lab/small", "revisions") == [
        Name("lab/small", "1.0"),
        Name("lab/small", "1.0-base", "base"),
    ]
    assert names(manifest, "lab/small", "repositories") == [
        Name("lab/small", "1.0"),
        Name("lab/small-base", "1.0", "base"),
    ]


@pytest.mark.parametrize(
    "name",
    ["small", "a/b/c", "../x", "lab/..", "lab/.x", "lab/x.", "lab/a..b", "lab/a--b", "lab/a b", "läb/x",
     "", "lab/x\n", "/x", "lab/", "lab/x.git", "API/x", "log/tile", "datasets/x",
     "lab/" + "x" * 97, "lab/%2e", "lab\\x/y"],
)  # fmt: skip
def test_a_repository_has_a_name_that_no_address_can_be_taken_for(name):
    with pytest.raises(InputError) as caught:
        check_repository(name)
    assert caught.value.code == "bad-repository"


@pytest.mark.parametrize(
    "label", ["main", "a/b", "..", "1..0", "0" * 40, "f" * 40, "-x", "", "a b", "1.0\n", "x" * 97]
)
def test_a_label_that_could_be_taken_for_another_revision_is_refused(label):
    with pytest.raises(InputError) as caught:
        check_label(label)
    assert caught.value.code == "bad-label"
    with pytest.raises(InputError):
        names(made(version=label), "lab/small", "revisions")


@given(st.text(max_size=120), st.text(max_size=120))
def test_whatever_developer_and_model_are_called_their_repository_is_one_or_refused(developer, model):
    try:
        name = repository_of(developer, model)
    except InputError as error:
        assert error.code == "bad-repository"  # noqa: PT017  either way is right
    else:
        assert check_repository(name) == name


@pytest.mark.parametrize("words", ["x" * 95 + " y", "x" * 200, "-", "", "Größe", "a -- b"])
def test_long_and_odd_names_still_make_a_repository(words):
    assert check_repository(repository_of(words, words))


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../x", "a/../b", "./x", "a//b", "a/", "", "a\\b", "a\nb", "a\0b", "model.sig",
     "Model.SIG", ".git/hooks/x", ".Cache/x", "C:a", "x" * 513, "a\u202eb"],
)  # fmt: skip
def test_a_path_that_clients_could_not_write_safely_is_refused(path):
    with pytest.raises(InputError) as caught:
        check_paths([path])
    assert caught.value.code == "bad-path"


def test_two_paths_that_are_one_file_on_some_systems_are_refused():
    for one, other in (("Config.json", "config.json"), ("\u00fc.txt", "u\u0308.txt")):
        with pytest.raises(InputError):
            check_paths([one, other])
    check_paths(["sub/model.sig", "config.json", "ünïcode.txt"])
