"""`myna say`, `myna voices`, `myna engines` and `myna doctor`: what needs engines, with the fake one."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.media.decode import decode
from tests.unit.cli.conftest import CommandLine

FAKE_SECONDS_PER_CHARACTER = 0.06


def test_say_writes_speech_without_a_server_or_a_database(
    myna: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNA_DATA_DIR", str(tmp_path / "untouched"))
    said = myna("say", "Hello there.", "-o", "hello.wav")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("hello.wav (")
    samples, rate = decode(Path("hello.wav").read_bytes())
    assert len(samples) / rate > 0.3
    assert not (tmp_path / "untouched").exists()


def test_say_tells_scripts_what_it_made(myna: CommandLine) -> None:
    spoken = myna("say", "Bonjour à tous.", "-o", "b.flac", "--language", "fr", "--json").json
    assert spoken["file"] == "b.flac"
    assert spoken["voice"].startswith("fake:fr-FR.")
    samples, rate = decode(Path("b.flac").read_bytes())
    assert spoken["seconds"] == pytest.approx(len(samples) / rate, abs=0.01)


def test_say_has_speech_verified_when_it_is_asked_to(myna: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_ENGINES", "fake,fake-recognition")
    said = myna("say", "fake:garble=1 word, word, word, word.", "-o", "a.wav", "--verify")
    assert ", 100% of the words heard by fake-recognition)" in said.out, said.err
    verified = myna("say", "fake:garble=9 word, word, word, word.", "-o", "a.wav", "--verify", "--json").json
    assert verified["verification"]["attempts"] == 3
    assert verified["verification"]["score"] == 0.5


def test_say_reads_long_texts_from_standard_input(myna: CommandLine) -> None:
    spoken = myna("say", "-", "-o", "a.wav", "--speed", "2", "--json", stdin="A sentence to speak. " * 5).json
    assert spoken["seconds"] > 5 * 20 * FAKE_SECONDS_PER_CHARACTER / 2 - 0.1


def test_say_uses_the_voice_that_is_asked_for(myna: CommandLine) -> None:
    assert "fake:en-GB.3" in myna("say", "Hello.", "-o", "a.wav", "--voice", "fake:en-GB.3").out
    name = next(voice["name"] for voice in myna("voices", "list", "--json").json if voice["id"] == "fake:en-GB.3")
    assert "fake:en-GB.3" in myna("say", "Hello.", "-o", "a.wav", "--voice", name.upper()).out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["Hello", "-o", "hello.xyz"], "should end in one of: mp3, wav"),
        (["Hello", "-o", "nowhere/hello.mp3"], "There is no folder `nowhere`"),
        (["", "-o", "a.mp3"], "nothing that can be spoken"),
        (["Hello", "-o", "a.mp3", "--voice", "nobody"], "There is no voice `nobody`. `myna voices list`"),
        (["Hello", "-o", "a.mp3", "--language", "xx"], "No engine of this node speaks `xx`"),
        (["fake:fail=no_breath", "-o", "a.mp3"], "no breath"),
        (["Hello", "-o", "a.mp3", "--engine", "espeak"], "`espeak` cannot be used here: `MYNA_ENGINES` does not name"),
        (["Hello", "-o", "a.mp3", "--engine", "kokorro"], "no engine or model `kokorro`. `myna engines`"),
        (["Hello", "-o", "a.mp3", "--engine", "fake", "--language", "nl"], "`fake` has no voice for `nl`"),
    ],
)
def test_what_cannot_be_said_leaves_no_file(myna: CommandLine, arguments: list[str], why: str) -> None:
    refused = myna("say", *arguments)
    assert (refused.code, refused.out) == (1, "")
    assert why in refused.err
    assert [path.name for path in Path.cwd().iterdir()] == ["data"]


def test_voices_are_filtered(myna: CommandLine) -> None:
    voices = myna("voices", "list", "--language", "en", "--gender", "female", "--engine", "fake", "--json").json
    assert voices
    assert {voice["gender"] for voice in voices} == {"female"}
    assert {voice["language"] for voice in voices} == {"en-US", "en-GB"}
    assert "No voice fits" in myna("voices", "list", "--language", "xx").out


def test_a_voice_shows_by_which_names_it_is_known(myna: CommandLine) -> None:
    alloy = next(alias for alias in myna("voices", "aliases", "openai", "--json").json if alias["name"] == "alloy")
    shown = myna("voices", "show", alloy["voice"], "--json").json
    assert "openai:alloy" in shown["known_as"]
    assert shown["engine"] == "fake"
    assert myna("voices", "show", "nobody").code == 1


def test_magic_hours_labels_are_listed(myna: CommandLine) -> None:
    assert len(myna("voices", "aliases", "magichour", "--json").json) == 199


def test_a_sample_lets_a_voice_be_heard(myna: CommandLine) -> None:
    heard = myna("voices", "sample", "fake:fr-FR.1", "-o", "sample.opus")
    assert heard.out.startswith("sample.opus (")
    assert len(decode(Path("sample.opus").read_bytes())[0])
    assert myna("voices", "sample", "nobody").code == 1


def test_engines_are_listed_with_those_that_are_missing(myna: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = "fake-recognition,fake-translation,fake-separation,fake-denoising"
    monkeypatch.setenv("MYNA_ENGINES", f"fake,kazoo,{kinds}")
    fake, hears, translates, separates, denoises, kazoo = myna("engines", "--json").json
    assert (separates["kind"], separates["options"]) == ("separation", ["sides", "middle"])
    assert (denoises["kind"], denoises["rate"]) == ("denoising", 16_000)
    assert (hears["kind"], translates["kind"], translates["languages"]) == ("recognition", "translation", ["any"])
    assert (fake["engine"], fake["ready"], fake["why"]) == ("fake", True, None)
    assert "en-US" in fake["languages"]
    assert (kazoo["engine"], kazoo["ready"]) == ("kazoo", False)
    assert set(kazoo) == set(fake) == set(hears)
    assert kazoo["why"] in myna("engines").out


FAKES = ("fake", "fake-recognition", "fake-translation", "fake-separation", "fake-denoising")
"""Of every kind one, or doctor would start all engines of that kind that are installed."""


def test_doctor_finds_nothing_wrong(myna: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_ENGINES", ",".join(FAKES))
    monkeypatch.setattr("myna.models.features._is_installed", lambda package: False)
    examined = myna("doctor", "--json")
    assert examined.code == 0
    states = {row["part"]: row["state"] for row in examined.json if row["state"] != "absent"}
    parts = ("settings", "database", "storage", "ledger", "work", "codecs", "cloning")
    assert states == dict.fromkeys((*parts, *(f"engine {name}" for name in FAKES)), "ok")


def test_doctor_says_when_the_denoiser_that_is_named_is_not_here(
    myna: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNA_ENGINES", ",".join(FAKES))
    monkeypatch.setenv("MYNA_DENOISER", "kazoo")
    examined = myna("doctor", "--json")
    assert examined.code == 1
    assert {row["part"] for row in examined.json if row["state"] == "broken"} == {"engine kazoo"}


def test_doctor_goes_on_after_what_is_broken(myna: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    monkeypatch.setenv("MYNA_ENGINES", "kazoo")
    monkeypatch.setenv("MYNA_PROT", "8311")
    monkeypatch.setenv("MYNA_KEY", "what the examples use is no setting")
    examined = myna("doctor", "--json")
    assert examined.code == 1
    rows = {row["part"]: row for row in examined.json}
    assert {part for part, row in rows.items() if row["state"] == "broken"} == {
        "settings", "database", "ledger", "work", "engines"
    }  # fmt: skip
    assert rows["settings"]["details"] == "No such setting: MYNA_PROT. Did you mean MYNA_PORT?"
    assert rows["engine kazoo"]["state"] == rows["cloning"]["state"] == "absent"
    assert rows["codecs"]["state"] == "ok"


def test_doctor_finds_a_misspelt_line_of_the_file(
    myna: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MYNA_ENGINES", ",".join(FAKES))
    (tmp_path / "myna.toml").write_text("prot = 8311\n")
    examined = myna("doctor", "--json")
    assert examined.code == 1
    assert examined.json[0]["details"] == "No such setting: MYNA_PROT. Did you mean MYNA_PORT?"
