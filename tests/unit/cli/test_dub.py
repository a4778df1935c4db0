"""`myna dub`: a film in another language, without a server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fixtures.dubs import FILM_LINES, SCRIPT
from tests.unit.cli.conftest import CommandLine


@pytest.fixture
def here(myna: CommandLine, film: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A film and what is said in it, in the folder of the test."""
    monkeypatch.setenv("MYNA_ENGINES", "fake,fake-recognition,fake-translation")
    shutil.copy(film, "talk.mp4")
    Path("talk.srt").write_text(SCRIPT)
    return myna


def test_a_film_in_two_languages(here: CommandLine) -> None:
    made = here("dub", "talk.mp4", "--to", "es,fr", "--from", "en", "--transcript", "talk.srt")
    assert made.code == 0, made.err
    assert made.lines == [f"talk.{language}.mp4 (6.0 s, {len(FILM_LINES)} lines)" for language in ("es", "fr")]
    assert all(Path(f"talk.{language}.mp4").stat().st_size > 10_000 for language in ("es", "fr"))
    assert "mux" in made.err


def test_a_line_that_is_not_spoken_is_named(here: CommandLine) -> None:
    Path("es.txt").write_text("es Fine.\nfake:fail=no_luck es Other.")
    order = ("dub", "talk.mp4", "--to", "es", "--from", "en", "--transcript", "talk.srt", "--translation", "es.txt")
    failed = here(*order, "-o", "out.mp4")
    assert failed.code == 1
    assert "line 2" in failed.err.lower()
    assert not Path("out.mp4").exists()
    marked = here(*order, "-o", "out.mp4", "--mark-failed-lines", "--json")
    assert marked.code == 0, marked.err
    (file,) = marked.json["files"]
    assert (file["path"], file["language"], file["lines"], file["marked"]) == ("out.mp4", "es", 2, [2])
    assert Path("out.mp4").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing.mp4", "--to", "es"), "no file"),
        (("talk.mp4", "--to", " , "), "--to es"),
        (("talk.mp4", "--to", "es,fr", "-o", "out.mp4"), "one language"),
        (("talk.mp4", "--to", "es", "-o", "nowhere/out.mp4"), "no folder"),
        (("talk.mp4", "--to", "es", "--transcript", "talk.mp4"), "UTF-8"),
        (("talk.mp4", "--to", "es", "--from", "en", "--transcript", "talk.srt", "--voice", "nobody"), "no voice"),
        (("talk.srt", "--to", "es"), "neither video nor sound"),
    ],
)
def test_what_is_wrong_is_said(here: CommandLine, arguments: tuple[str, ...], words: str) -> None:
    ended = here("dub", *arguments)
    assert ended.code != 0
    assert words in ended.err
    assert "Traceback" not in ended.err
    assert sorted(path.name for path in Path().glob("*.mp4")) == ["talk.mp4"]
