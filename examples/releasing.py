"""The second half of `make demo`: the assessed model is decided about, opened in part, granted, downloaded.

Every step is a command that people type, spoken to a real server on this machine. The people are parts in a
play: each is called by its role.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
REPOSITORY = "example-lab/smollm2-135m-instruct"
START_SECONDS_MAX = 60
SENTENCES_MAX = 2  # of what the client prints: the rest says how to get one's part
# The policy permits all of it to anyone. This lab opens the weights to vetted people first.
FIRST = {
    "model-card": ["anyone"],
    "final-parameters": ["vetted"],
    "architecture": ["vetted"],
}
CAST = {
    "publisher": ("Example Lab", ("publisher",)),
    "approver-1": ("Example Lab", ("approver",)),
    "approver-2": ("Example Institute", ("approver", "independent-reviewer")),
    "reviewer-1": ("Example Lab", ("reviewer",)),
    "reviewer-2": ("Example Institute", ("reviewer",)),
}
FIELDS = {
    "identity": "a researcher of this demonstration",
    "organisation": "Example University",
    "purpose": "to measure how the model answers questions about networks",
}


class Play:
    """A server, the people around it, and each one's token."""

    def __init__(self, home: Path, url: str, settings: str) -> None:
        self.home, self.url = home, url
        self.settings = settings  # where commands and clients keep tokens and files: not your own place
        self.tokens: dict[str, str] = {}

    def say(self, role: str, *arguments: str) -> None:
        """What somebody types."""
        print(f"  {role}$ halfdoor {' '.join(_short(one) for one in arguments)}", flush=True)

    def run(self, role: str, *arguments: str, quiet: bool = False, good: tuple[int, ...] = (0,)) -> str:
        """A command in somebody's name; what it printed. Ends the demonstration where it fails."""
        if not quiet:
            self.say(role, *arguments)
        command = [sys.executable, "-m", "halfdoor", *arguments, "--server", self.url]
        environment = {**os.environ, "HALFDOOR_TOKEN": self.tokens.get(role, "")}
        environment["XDG_CONFIG_HOME"] = self.settings
        if not environment["HALFDOOR_TOKEN"]:
            del environment["HALFDOOR_TOKEN"]
        ended = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        if ended.returncode not in good:
            sys.exit(f"halfdoor {' '.join(arguments)}: exit {ended.returncode}\n{ended.stdout}{ended.stderr}")
        if not quiet:
            print("".join(f"  | {line}\n" for line in (ended.stdout + ended.stderr).splitlines()), end="")
        return ended.stdout

    def ask(self, role: str, *arguments: str) -> Any:  # noqa: ANN401  JSON
        """The same, quietly, as JSON."""
        return json.loads(self.run(role, *arguments, "--json", quiet=True))


def share(out: Path, model: Path) -> None:
    """Decide, open, grant, download, revoke, verify; then say how to go on."""
    home = out / "home"
    shutil.rmtree(home, ignore_errors=True)
    for left in out.glob("home-latest.db*"):
        left.unlink()
    with serving(home) as (url, link), tempfile.TemporaryDirectory(prefix="halfdoor-demo-") as settings:
        play = Play(home, url, settings)
        people(play, link)
        version = publish(play, model)
        decision = decide(play, model, version)
        open_first(play, decision, out)
        secret, grant = grant_access(play)
        downloads(play, secret, out)
        step("Take it back")
        play.run("reviewer-1", "grant", "revoke", grant)
        print()
        tell("the researcher, the weights", *hf(play, secret, out / "again", "*.gguf"))
    verify(home)
    farewell(out)


def people(play: Play, link: str) -> None:
    """An administrator comes in by the link that the server printed, and asks the others in."""
    step("A server starts, and people are let in")
    names = ("--name", "Demo administrator", "--email", "admin@example.org")
    play.tokens["admin"] = play.ask("admin", "people", "join", link, *names)["secret"]
    for organisation in dict.fromkeys(organisation for organisation, _ in CAST.values()):
        play.run("admin", "people", "organisation", "add", organisation, quiet=True)
    for role, (organisation, roles) in CAST.items():
        flags = [word for one in roles for word in ("--role", one)]
        about = (f"{role}@example.org", "--name", f"Demo {role}", "--organisation", organisation)
        invitation = play.ask("admin", "people", "invite", *about, *flags)
        play.tokens[role] = play.ask(role, "people", "join", invitation["secret"])["secret"]
        print(f"  {role:<12} {organisation:<18} {', '.join(roles)}")


def publish(play: Play, model: Path) -> str:
    """Register the version; its id."""
    step("Publish the model: all its files by digest; that opens nothing")
    command = [sys.executable, "-m", "halfdoor", "publish", str(model), "--home", str(play.home)]
    command += ["--as", "publisher@example.org", "--repository", REPOSITORY, "--json"]
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    done: dict[str, Any] = json.loads(ended.stdout)
    print(f"  {done['repository']} {done['label']}: {done['files']} files, {done['size_bytes'] / 1e6:.0f} MB")
    print(f"  manifest {done['manifest']}")
    return str(done["version"])


def decide(play: Play, model: Path, version: str) -> str:
    """Propose what the dossier proposes, have two people approve it; the decision's id."""
    step("Decide: two people approve exactly the document that one has proposed")
    proposed = play.ask("publisher", "decide", "propose", str(model), "--version", version)
    decision, seen = str(proposed["id"]), str(proposed["seen"])
    play.run("approver-1", "decide", "show", decision)
    print()
    for role in ("approver-1", "approver-2"):
        play.say(role, "decide", "approve", decision, "--seen", seen)
        found = play.ask(role, "decide", "approve", decision, "--seen", seen)
        said = "In force." if found["in_force"] else "Approved. Missing: " + " ".join(found["missing"])
        print(textwrap.fill(said, 98, initial_indent="  | ", subsequent_indent="  | "))
    return decision


def open_first(play: Play, decision: str, out: Path) -> None:
    """Two stages: the weights to vetted people, then to anyone. The first one is entered."""
    step("Open it in stages: the card to anyone and the weights to vetted people first, then everything")
    everything: dict[str, list[str]] = play.ask("publisher", "decide", "show", decision)["document"][
        "configuration"
    ]
    stages = out / "stages.json"
    stages.write_text(json.dumps([{"configuration": FIRST}, {"configuration": everything}], indent=2))
    play.run("publisher", "stage", "start", decision, "--stages", os.path.relpath(stages))


def grant_access(play: Play) -> tuple[str, str]:
    """Somebody applies, is reviewed and approved; their token for downloading, and the grant."""
    step("A researcher applies, two reviewers approve: so many the policy asks for")
    about = (
        "--name",
        "Demo researcher",
        "--email",
        "researcher@example.org",
        "--organisation",
        "Example University",
    )
    fields = [word for name, text in FIELDS.items() for word in ("--field", f"{name}={text}")]
    play.run("researcher", "apply", REPOSITORY, "--group", "vetted", *fields, *about)
    application = play.ask("reviewer-1", "review", "list")["applications"][0]["id"]
    for role in ("reviewer-1", "reviewer-2"):
        play.run(role, "review", "approve", application, "--reason", "a known group; the purpose fits")
    issued = play.ask("researcher", "apply", "token", application)
    return str(issued["secret"]), str(issued["grant"])


def downloads(play: Play, secret: str, out: Path) -> None:
    """The real client: what is open to anyone, what is not, and what was granted."""
    step("Download with the client that everybody has: hf")
    for words, token, pattern in (
        ("anybody, the card", "", "README.md"),
        ("anybody, the weights", "", "*.gguf"),
        ("the researcher, the weights", secret, "*.gguf"),
    ):
        tell(words, *hf(play, token, out / "download", pattern))


def tell(words: str, code: int, said: str) -> None:
    """Who asked for what, and what came of it."""
    line = f"{words:<28} {'got it' if code == 0 else 'refused'}: {said}"
    print(textwrap.fill(line, 98, initial_indent="  ", subsequent_indent=" " * 31, break_on_hyphens=False))


def hf(play: Play, token: str, to: Path, pattern: str) -> tuple[int, str]:
    """`hf download` into a folder; exit code and what matters of what it said."""
    shutil.rmtree(to, ignore_errors=True)
    program = Path(sys.executable).with_name("hf")
    command = [str(program), "download", REPOSITORY, "--include", pattern, "--local-dir", str(to)]
    environment = {**os.environ, "HF_ENDPOINT": play.url, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    environment |= {"HF_HOME": play.settings, "HF_HUB_DISABLE_TELEMETRY": "1", "NO_COLOR": "1"}
    environment.pop("HF_TOKEN", None)
    if token:
        environment["HF_TOKEN"] = token
    ended = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    files = [one for one in to.rglob("*") if one.is_file() and ".cache" not in one.parts]
    if ended.returncode == 0 and files:
        return 0, ", ".join(f"{one.name} ({one.stat().st_size / 1e3:,.0f} kB)" for one in files)
    lines = [line.strip() for line in ended.stderr.splitlines() if line.strip()]
    told = next((line for line in lines if "apply" in line), lines[-1] if lines else "nothing was said")
    return ended.returncode or 1, ". ".join(told.split(". ")[:SENTENCES_MAX]).rstrip(".") + "."


def verify(home: Path) -> None:
    """Anybody checks the log."""
    step("Anybody checks the log")
    key = next((home / "keys").glob("note-*.vkey"))
    _end([sys.executable, "-m", "halfdoor", "log", "verify", str(home / "log"), "--key", str(key)])
    _end([sys.executable, "-m", "halfdoor", "doctor", "--home", str(home)])


def farewell(out: Path) -> None:
    """How to start the server again, and what a researcher types."""
    step("Go on yourself")
    place = os.path.relpath(out / "home")
    print("  Start the server:")
    print(f"    {os.path.relpath(Path(sys.executable).with_name('halfdoor'))} serve --home {place}\n")
    print("  What a researcher types then:")
    print("    export HF_ENDPOINT=http://127.0.0.1:8790")
    print(f"    hf download {REPOSITORY} README.md")
    print(f"    halfdoor apply {REPOSITORY} --group vetted --server http://127.0.0.1:8790")


@contextlib.contextmanager
def serving(home: Path) -> Iterator[tuple[str, str]]:
    """`halfdoor serve` until the end of the block: its address, and the link for its first administrator."""
    command = [sys.executable, "-m", "halfdoor", "serve", "--home", str(home), "--port", "0"]
    with (home.parent / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--origin", "example.org/demo"], stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            yield _introduced(server, home.parent / "server.log")
        finally:
            server.terminate()
            server.wait(START_SECONDS_MAX)


def _introduced(server: subprocess.Popen[str], log: Path) -> tuple[str, str]:
    assert server.stdout is not None
    said, until = "", time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until:
        line = server.stdout.readline()
        said += line
        address = re.search(r"listening\s+(http://\S+)", said)
        link = re.search(r"(\S+/join/\S+)", said)
        if address and link and "stops it" in said:
            return address[1], link[1]
        if not line:
            break
    sys.exit(f"the server did not start:\n{said}\n{log.read_text(encoding='utf-8')[-2000:]}")


def step(words: str) -> None:
    """Say what comes next."""
    print(f"\n── {words} ──\n", flush=True)


def _short(word: str) -> str:
    """A word of a command as it is shown: digests and secrets cut, words with spaces quoted."""
    word = re.sub(r"(sha256:[0-9a-f]{8})[0-9a-f]+", r"\1…", word)
    return f"'{word}'" if " " in word else word


def _end(command: list[str]) -> None:
    ended = subprocess.run(command, check=False)
    if ended.returncode:
        sys.exit(f"{' '.join(command[2:])}: exit {ended.returncode}")
