"""`myna clone` and the commands for cloned voices: from a recording to speech, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myna.cli import serve
from myna.cli.local import LocalData, run
from myna.cli.workshop import has_data, owner_named
from myna.errors import InvalidRequest
from myna.media.decode import decode
from myna.settings import Settings
from tests.fixtures.recordings import median_pitch, wav
from tests.unit.cli.conftest import CommandLine


@pytest.fixture
def reference(myna: CommandLine, low_voice: bytes) -> Path:
    """In the folder of the test."""
    path = Path("low voice.wav")
    path.write_bytes(low_voice)
    return path


@pytest.fixture
def nora(myna: CommandLine, reference: Path) -> dict[str, Any]:
    """A kept voice."""
    made = myna(
        "clone", str(reference), "--name", "Nora", "--languages", "en, ar", "--gender", "female", "--yes", "--json"
    )
    assert made.code == 0, made.err
    voice: dict[str, Any] = made.json["voice"]
    return voice


def voice_files() -> list[str]:
    return sorted(path.name for path in Path("data/files").rglob("*") if path.is_file())


def test_report_and_preview_and_nothing_is_kept(myna: CommandLine, reference: Path) -> None:
    listened = myna("clone", str(reference), "--text", "Good morning to you.", "--language", "en")
    assert (listened.code, listened.err) == (0, "")
    assert listened.lines[0].startswith("recording ")
    assert "are speech" in listened.lines[0]
    assert "one speaker                 yes" in listened.lines
    assert "low-voice-preview.wav (1.2 s, engine fake, quality: matched)" in listened.lines
    assert listened.lines[-1] == "Nothing was kept. Add --name NAME to keep the voice."
    assert median_pitch(Path("low-voice-preview.wav").read_bytes()) == pytest.approx(
        median_pitch(reference.read_bytes()), rel=0.1
    )
    assert myna("accounts", "list", "--json").json == []
    assert voice_files() == []


def test_a_voice_is_kept_and_speaks(myna: CommandLine, reference: Path) -> None:
    kept = myna("clone", str(reference), "--name", "Nora", "--stability", "0.25", stdin="y\n")
    assert kept.code == 0, kept.err
    assert "Do you have the right to use `low voice.wav`, and keep the voice `Nora`?" in kept.err
    assert kept.lines[-2].startswith("Kept `Nora` as voice_")
    assert kept.lines[-2].endswith(", for the account `default`.")
    assert Path("Nora-preview.wav").is_file()
    assert voice_files() == ["prepared.json", "preview.wav", "reference.flac"]

    shown = myna("voices", "show", "nora", "--json").json
    assert (shown["stability"], shown["account"], shown["preview_made_here"]) == (0.25, "default", True)
    assert shown["affirmed_by"] == "the operator"
    first, *others = myna("voices", "list", "--account", "default", "--json").json
    assert (first["id"], first["name"], first["kind"]) == (shown["id"], "Nora", "cloned")
    assert {voice["kind"] for voice in others} == {"stock"}
    assert "cloned" not in myna("voices", "list").out

    said = myna("say", "Hello there.", "--voice", "NORA", "-o", "a.wav", "--json").json
    assert said["voice"] == shown["id"]
    assert median_pitch(Path("a.wav").read_bytes()) == pytest.approx(median_pitch(reference.read_bytes()), rel=0.1)
    assert shown["id"] in myna("voices", "sample", shown["id"], "-o", "b.wav", "--account", "default").out


@pytest.mark.parametrize("answer", ["n\n", "\n", "what?\n"])
def test_without_the_right_nothing_is_kept(myna: CommandLine, reference: Path, answer: str) -> None:
    refused = myna("clone", str(reference), "--name", "Nora", stdin=answer)
    assert refused.code == 1
    assert voice_files() == []


def test_a_script_says_yes_by_running_it(myna: CommandLine, reference: Path) -> None:
    kept = myna("clone", str(reference), "--text", "Good morning to you.", "--name", "Nora", stdin="")
    assert kept.code == 0, kept.err
    assert "Nobody answers here: whoever runs this command says yes." in kept.err
    assert voice_files() == ["prepared.json", "preview.wav", "reference.flac"]


def test_scripts_are_told_everything(myna: CommandLine, reference: Path) -> None:
    made = myna(
        "clone", str(reference), "--name", "Nora", "--preview", "heard.flac", "--i-have-the-right", "--json"
    ).json
    assert made["preview"] == "heard.flac"
    samples, rate = decode(Path("heard.flac").read_bytes())
    assert made["seconds"] == pytest.approx(len(samples) / rate, abs=0.01)
    assert made["report"]["refusals"] == []
    assert made["voice"]["name"] == "Nora"


def test_a_recording_that_is_refused_is_described(myna: CommandLine) -> None:
    Path("silence.wav").write_bytes(wav(np.zeros(8 * 16_000, np.float32), 16_000))
    refused = myna("clone", "silence.wav", "--name", "Nora", "--yes")
    assert refused.code == 1
    assert "refusal: Nobody speaks in this recording. Send 10 to 30 s of one person speaking." in refused.lines
    assert refused.err.startswith("myna: Nobody speaks in this recording. Send")
    assert not Path("Nora-preview.wav").exists()
    assert voice_files() == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["none.wav"], "Cannot use `none.wav`: No such file"),
        (["low voice.wav", "--name", " "], "A name is needed."),
        (["low voice.wav", "--preview", "a.xyz"], "should end in one of: mp3, wav"),
        (["low voice.wav", "--preview", "nowhere/a.wav"], "There is no folder `nowhere`"),
        (["low voice.wav", "--engine", "kazoo"], "`kazoo`"),
        (["low voice.wav", "--language", "not a language"], "A language is a tag such as"),
        (["low voice.wav", "--dialects", "a b"], "A dialect is a word"),
        (["low voice.wav", "--name", "Nora", "--account", "nobody"], "There is no account `nobody`"),
    ],
)
@pytest.mark.usefixtures("reference")
def test_what_cannot_be_done_is_said_at_once(myna: CommandLine, arguments: list[str], why: str) -> None:
    refused = myna("clone", *arguments)
    assert (refused.code, refused.out) == (1, "")
    assert why in refused.err
    assert voice_files() == []


def test_a_file_that_is_too_large_is_not_read(
    myna: CommandLine, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNA_MAX_REFERENCE_BYTES", "1000")
    refused = myna("clone", str(reference))
    assert refused.code == 1
    assert "this server takes 1000 (MYNA_MAX_REFERENCE_BYTES)" in refused.err


def test_a_voice_goes_to_a_file_and_comes_back(myna: CommandLine, nora: dict[str, Any]) -> None:
    exported = myna("voices", "export", "Nora", "nora.myna-voice")
    assert exported.out.startswith("nora.myna-voice (Nora, ")
    unwanted = myna("voices", "import", "nora.myna-voice", stdin="n\n")
    assert (unwanted.code, len(voice_files())) == (1, 3)
    taken = myna("voices", "import", "nora.myna-voice", "--name", "Nadia", "--yes", "--json").json
    assert taken["id"] != nora["id"]
    assert (taken["name"], taken["languages"], taken["gender"]) == ("Nadia", ["en", "ar"], "female")
    assert len(voice_files()) == 6
    Path("junk.myna-voice").write_bytes(b"junk")
    assert "This is no voice file" in myna("voices", "import", "junk.myna-voice", "--yes").err


def test_a_deleted_voice_is_gone_with_its_files(myna: CommandLine, nora: dict[str, Any]) -> None:
    assert "Nobody answered. `--yes` deletes without asking." in myna("voices", "delete", "Nora").err
    assert myna("voices", "delete", "Nora", stdin="n\n").code == 1
    assert len(voice_files()) == 3
    deleted = myna("voices", "delete", nora["id"], "--yes")
    assert deleted.out == f"Deleted {nora['id']}. Removed: prepared, preview, reference.\n"
    assert voice_files() == []
    for command in (["show", "Nora"], ["delete", "Nora", "--yes"], ["export", "Nora", "a.myna-voice"]):
        gone = myna("voices", *command)
        assert (gone.code, gone.out) == (1, "")
        assert "`Nora`. `myna voices list" in gone.err
    assert "There is no voice `Nora`" in myna("say", "Hello.", "--voice", "Nora", "-o", "a.wav").err


def test_a_name_that_two_accounts_use_needs_an_id(myna: CommandLine, nora: dict[str, Any], reference: Path) -> None:
    myna("keys", "create", "alice")
    other = myna("clone", str(reference), "--name", "nora", "--account", "alice", "--yes", "--json").json["voice"]["id"]
    unclear = myna("say", "Hello.", "--voice", "Nora", "-o", "a.wav")
    assert unclear.code == 1
    assert f"Several voices are called `Nora`. Use the id of the one you mean: {nora['id']}, {other}." in unclear.err
    assert myna("say", "Hi.", "--voice", "Nora", "--account", "alice", "-o", "a.wav", "--json").json["voice"] == other
    assert myna("voices", "show", other, "--json").json["account"] == "alice"


def test_a_recording_is_looked_at(myna: CommandLine, reference: Path) -> None:
    report = myna("voices", "report", str(reference), "--json")
    assert (report.code, report.json["refusals"]) == (0, [])
    Path("silence.wav").write_bytes(wav(np.zeros(8 * 16_000, np.float32), 16_000))
    assert myna("voices", "report", "silence.wav").code == 1
    Path("junk.wav").write_bytes(b"junk")
    assert "This file is no sound" in myna("voices", "report", "junk.wav").err


def test_a_blocked_speaker_is_not_cloned(myna: CommandLine, reference: Path) -> None:
    assert myna("voices", "blocked").out == "Nobody is blocked.\n"
    blocked = myna("voices", "block", str(reference), "--name", "Low", "--reason", "asked for it", "--json").json
    (row,) = myna("voices", "blocked", "--json").json
    assert {name: row[name] for name in ("id", "name", "reason")} == blocked
    refused = myna("clone", str(reference), "--name", "Low", "--yes")
    assert refused.code == 1
    assert "has blocked this voice" in refused.err
    assert voice_files() == []
    assert myna("voices", "unblock", blocked["id"]).out == f"Unblocked {blocked['id']}.\n"
    assert myna("voices", "unblock", blocked["id"]).code == 1
    assert myna("clone", str(reference), "--name", "Low", "--yes").code == 0


def test_the_first_key_still_comes_after_a_clone(
    myna: CommandLine, nora: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    serve._print_first_key(Settings())
    assert "Your API key, shown this once" in capsys.readouterr().err
    (account,) = myna("accounts", "list", "--json").json
    assert (account["name"], account["credits"]) == ("default", serve.FIRST_CREDITS)


def test_whose_voice_it_is(myna: CommandLine) -> None:
    async def owner(data: LocalData) -> str:
        return (await owner_named(data, None)).name

    myna("keys", "create", "alice")
    assert run(owner) == "alice", "the only one"
    myna("keys", "create", "bob")
    with pytest.raises(InvalidRequest, match=r"--account NAME\. There are: `alice`, `bob`"):
        run(owner)
    myna("keys", "create", "default")
    assert run(owner) == "default"


def test_speaking_alone_makes_no_data(tmp_path: Path) -> None:
    assert not has_data(Settings(data_dir=tmp_path / "untouched"))
    assert has_data(Settings(database_url="postgresql://nobody@127.0.0.1:1/none"))
    assert not (tmp_path / "untouched").exists()
