"""Small models as folders, real enough to be published."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
from safetensors.numpy import save_file

DOSSIER = """\
schema = "halfdoor/dossier/1"
policy = "{policy}"
risk_model = "public-2026"
[model]
name = "heron"
version = "{version}"
developer = "Example Lab"
root = "."
training_compute_flop = 1e19
training_compute_source = "its training log"
{variants}
[[item]]
id = "model-card"
paths = ["README.md"]
licence = "CC-BY-4.0"
group = "anyone"
[[item]]
id = "architecture"
paths = ["config.json"]
licence = "Apache-2.0"
group = "anyone"
{items}
"""
WEIGHTS = """\
[[item]]
id = "{variant}final-parameters"
paths = ["{path}"]
licence = "Apache-2.0"
group = "{group}"
"""


def model_folder(folder, *, version="1.0", group="anyone", variants=(), size=64, policy="seger-2023"):
    """A model with card, configuration and weights (of `size` squared numbers) for each variant."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Heron\n\nA small model.\n")
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "hidden_size": size}))
    items = ""
    for number, variant in enumerate(variants or ("",)):
        path = f"{variant or 'model'}.safetensors"
        numbers = np.random.default_rng(number).standard_normal((size, size)).astype(np.float32)
        save_file({"weight": numbers}, folder / path)
        prefix = f"{variant}:" if variant else ""
        items += WEIGHTS.format(variant=prefix, path=path, group=group)
    tables = "".join(f'[[variant]]\nid = "{variant}"\n' for variant in variants)
    text = DOSSIER.format(version=version, variants=tables, items=items, policy=policy)
    (folder / "halfdoor.toml").write_text(text)
    return folder


@contextmanager
def silent(total):
    """A meter that tells nobody."""
    yield SimpleNamespace(advance=lambda amount=1: None)
