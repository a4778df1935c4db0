"""What the documentation says is true: its commands run, its links lead somewhere, its pages follow from the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import myna
from docs import generate
from myna.media.decode import decode
from myna.settings import Settings
from tests.fixtures.dubs import FILM_SECONDS, SCRIPT
from tests.fixtures.server import ServerProcess

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXECUTED = ("README.md", "docs/quickstart.md", "docs/operations.md")
DEADLINE = 280

NOT_RUN = {
    "scripts/demo ": "prepares the machine; its program is run by tests/e2e/test_examples.py",
    "scripts/test ": "is what runs this",
    "scripts/serve": "prepares the machine; the node of this test is what it starts",
}
"""Blocks that begin so are not run, and why."""

LAST_KEY = 'import json, sys; print(json.load(sys.stdin)[-1]["id"])'

FOR_CLIENTS = {"MYNA_KEY", "MYNA_URL"}
"""Variables of the examples, not of the server."""


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    page: str
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page}: {self.text.strip().splitlines()[0][:60]}"


def blocks_of(page: str) -> Iterator[Block]:
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL):
        yield Block(page, found[1], found[2])


RUNNABLE = [
    block
    for page in EXECUTED
    for block in blocks_of(page)
    if block.language in ("sh", "python") and not block.text.startswith(tuple(NOT_RUN))
]


@pytest.fixture(scope="module")
def key(espeak_server: ServerProcess) -> str:
    return espeak_server.new_key(credits=1_000, name="reader")


@pytest.fixture
def folder(tmp_path: Path, low_voice: bytes, film: Path) -> Path:
    """Where a reader would be, with what the pages take for granted."""
    (tmp_path / "film.mp4").write_bytes(film.read_bytes())
    (tmp_path / "film.en.srt").write_text(SCRIPT)
    (tmp_path / "film.es.srt").write_text(SCRIPT.replace("fine", "buen").replace("day", "día"))
    (tmp_path / "recording.wav").write_bytes(low_voice)
    (tmp_path / "book.txt").write_text("Era una mañana fría. El barco salió del puerto.")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


@pytest.mark.timeout(300)
@pytest.mark.parametrize("block", RUNNABLE, ids=lambda block: block.name)
def test_block_runs(block: Block, espeak_server: ServerProcess, key: str, folder: Path) -> None:
    ended = run(as_reader(block.text, espeak_server, key), block.language, espeak_server, key, folder)
    assert ended.returncode == 0, ended.stderr
    for path in folder.glob("*.mp3"):
        samples, rate = decode(path.read_bytes())
        assert len(samples) / rate > 0.2
    for path in folder.glob("film.??.mp4"):
        samples, rate = decode(path.read_bytes())
        assert len(samples) / rate == pytest.approx(FILM_SECONDS, abs=0.2)


def as_reader(text: str, server: ServerProcess, key: str) -> str:
    """A reader puts in their own address and key, and an id that they saw."""
    text = text.replace("http://127.0.0.1:8311", server.url).replace("myna_…", key)
    return text.replace("KEY_ID", f"$(myna keys list --json | {sys.executable} -c '{LAST_KEY}')")


def run(text: str, language: str, server: ServerProcess, key: str, folder: Path) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MYNA_")}
    environment = {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}:{inherited['PATH']}",
        "MYNA_DATA_DIR": str(server.data_dir),
        "MYNA_URL": server.url,
        "MYNA_KEY": key,
    }
    program = [sys.executable, "-c"] if language == "python" else ["sh", "-euc"]
    return subprocess.run(
        [*program, text.replace("curl ", "curl --fail-with-body -sS ")],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )


def test_nothing_is_left_out_that_is_not_there() -> None:
    starts = [block.text for page in EXECUTED for block in blocks_of(page)]
    assert [start for start in NOT_RUN if not any(text.startswith(start) for text in starts)] == []


@pytest.fixture
def morse(tmp_path: Path) -> Path:
    """The engine of docs/engines.md, as an installed package has it."""
    blocks = {block.language: block for block in reversed(list(blocks_of("docs/engines.md")))}
    (tmp_path / "morse.py").write_text(blocks["python"].text)
    ((group, entries),) = tomllib.loads(blocks["toml"].text)["project"]["entry-points"].items()
    info = tmp_path / "morse-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: morse\nVersion: 1\n")
    lines = [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return tmp_path


def test_the_example_engine_speaks_through_the_host(morse: Path) -> None:
    (commands,) = (block.text for block in blocks_of("docs/engines.md") if block.language == "sh")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MYNA_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(morse),
        "MYNA_ENGINES": "morse",
    }
    ended = subprocess.run(
        ["sh", "-euc", commands], env=environment, cwd=morse, capture_output=True, text=True, timeout=DEADLINE
    )
    assert ended.returncode == 0, ended.stderr
    assert "CC0" in ended.stdout
    assert "morse:high" in ended.stdout
    seconds = {}
    for name in ("low.wav", "wrought.mp3"):
        samples, rate = decode((morse / name).read_bytes())
        assert abs(samples).max() > 0.1
        seconds[name] = len(samples) / rate
    assert seconds["low.wav"] > seconds["wrought.mp3"] > 5


@pytest.mark.parametrize("page", generate.PAGES)
def test_page_follows_from_the_code(page: str) -> None:
    written = (ROOT / "docs" / page).read_text()
    assert written == generate.PAGES[page](), f"docs/{page} is stale: run scripts/docs"


def test_every_link_leads_to_a_file_and_a_heading() -> None:
    broken = []
    for page in PAGES:
        for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", without_code(page.read_text())):
            if re.match(r"\w+:", target):
                continue
            path, _, heading = target.partition("#")
            found = page if not path else page.parent / path
            if not found.exists() or (heading and heading not in headings_of(found)):
                broken.append(f"{page.relative_to(ROOT)} → {target}")
    assert broken == []


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def headings_of(page: Path) -> set[str]:
    """As GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", without_code(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)\s#]+)", without_code(page.read_text()))
        left += [(page.parent / link).resolve() for link in links if "://" not in link]
    reached |= {page for page in PAGES if page.parent.name == "decisions" or page.name == "CONTRIBUTING.md"}
    lost = {str(page.relative_to(ROOT)) for page in PAGES if page not in reached}
    assert lost <= {"CHANGELOG.md", "SECURITY.md"}


def test_every_variable_is_a_setting() -> None:
    known = {f"MYNA_{name.upper()}" for name in Settings.model_fields} | FOR_CLIENTS
    unknown = {
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        for name in re.findall(r"\bMYNA_[A-Z0-9_]+\b", page.read_text())
        if name not in known and not name.endswith("_")
    }
    assert unknown == set()


def test_every_command_that_is_named_exists() -> None:
    commands = {heading.removeprefix("myna ") for heading in re.findall(r"^#+ (myna .+)$", generate.cli_page(), re.M)}
    wrong = []
    for page in PAGES:
        for words in re.findall(r"(?:`|^|bin/)myna ([a-z]+(?: [a-z]+)?)", page.read_text(), re.MULTILINE):
            first, _, second = words.partition(" ")
            group = any(command.startswith(f"{first} ") for command in commands)
            if first not in commands or (group and second and words not in commands):
                wrong.append(f"{page.relative_to(ROOT)}: myna {words}")
    assert wrong == []


def test_the_first_screen_of_the_readme_shows_the_way() -> None:
    first = (ROOT / "README.md").read_text().splitlines()[:45]
    for sign in ("scripts/demo ", "curl ", "| Stablecog |", "| OpenAI |", "scripts/test "):
        assert any(line.startswith(sign) for line in first), sign


def test_the_versions_agree() -> None:
    changelog = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert changelog
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert changelog[1] == project == myna.__version__
