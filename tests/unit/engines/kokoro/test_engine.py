"""Kokoro through the real kokoro-onnx: voices, blends, languages, long texts, broken models."""

from __future__ import annotations

import pickle
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from myna.engines.base import SynthesisRequest
from myna.engines.kokoro import KokoroEngine
from myna.errors import EngineFailed, EngineUnavailable, Unsupported
from myna.models.store import ModelStore
from tests.fixtures.sound import joined, seconds, words_of
from tests.unit.engines.kokoro.conftest import MakeModel

TEXT = "The small boat sailed over the wide river."


def ask(text: str = TEXT, language: str = "en-US", **changes: object) -> SynthesisRequest:
    settings = {"voice": "af_heart"}
    return SynthesisRequest(text, language, **{"voice_settings": settings, **changes})  # type: ignore[arg-type]


def loudness(engine: KokoroEngine, **settings: object) -> float:
    """Of the loudest sample; the tiny model's voices differ in it."""
    return float(np.abs(joined(list(engine.synthesize(ask(voice_settings=settings))))).max())


def test_a_blend_lies_between_its_voices(engine: KokoroEngine) -> None:
    first, last = loudness(engine, voice="af_heart"), loudness(engine, voice="zf_xiaobei")
    blend = {"af_heart": 2.0, "zf_xiaobei": 1.0}
    mixed = loudness(engine, blend=blend)
    assert first < mixed < last
    assert mixed == pytest.approx(loudness(engine, blend={name: 10 * part for name, part in blend.items()}))
    assert loudness(engine, blend={"af_heart": 1.0}) == pytest.approx(first)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"voice": "af_nobody"}, "af_nobody"),
        ({}, "has no voice"),
        ({"blend": {}}, "blend"),
        ({"blend": ["af_heart"]}, "blend"),
        ({"blend": {"af_heart": 0}}, "af_heart"),
        ({"blend": {"af_heart": "much"}}, "af_heart"),
        ({"blend": {"af_heart": float("nan")}}, "af_heart"),
    ],
)
def test_voices_that_are_none_are_refused(engine: KokoroEngine, settings: dict[str, object], named: str) -> None:
    with pytest.raises(Unsupported, match=named):
        loudness(engine, **settings)


def test_a_voice_has_its_own_accent_and_speaks_other_languages(engine: KokoroEngine) -> None:
    text = "Nobody saw the boat go over there."
    american = seconds(list(engine.synthesize(ask(text, "en-GB"))))
    assert american == seconds(list(engine.synthesize(ask(text, "en-US"))))
    assert american == seconds(list(engine.synthesize(ask(text, ""))))
    spanish = list(engine.synthesize(ask("El tiempo es muy bueno hoy.", "es-MX")))
    assert len(words_of(spanish)) == 6
    with pytest.raises(Unsupported, match="`ar`"):
        list(engine.synthesize(ask("مرحبا", "ar")))


def test_what_is_longer_than_the_network_takes_is_cut_between_words(engine: KokoroEngine) -> None:
    text = ", ".join(["and then the small boat sailed on over the wide river"] * 20) + "."
    words = words_of(chunks := list(engine.synthesize(ask(text))))
    assert [text[word.text_position : word.text_position + word.length] for word in words[:3]] == ["and", "then", "the"]
    assert text[words[-1].text_position :].startswith("river.")
    assert words[-1].start < seconds(chunks)


def test_sound_comes_before_the_whole_text_is_spoken(engine: KokoroEngine) -> None:
    sound = engine.synthesize(ask(", ".join([TEXT[:-1]] * 40)))
    next(sound)
    sound.close()  # type: ignore[attr-defined]
    assert seconds(list(engine.synthesize(ask()))) > 1


def test_without_durations_there_are_no_words(make_model: MakeModel) -> None:
    make_model(timed=False)
    assert not KokoroEngine.describe().word_timestamps
    engine = KokoroEngine()
    chunks = list(engine.synthesize(ask()))
    engine.close()
    assert words_of(chunks) == []
    assert seconds(chunks) > 1


def test_voices_may_be_a_folder_of_raw_numbers(make_model: MakeModel, engine: KokoroEngine) -> None:
    """And the durations have the name that they have there."""
    expected = list(engine.synthesize(ask()))
    make_model(raw_voices=True)
    assert [voice.id for voice in KokoroEngine.voices()][:2] == ["af_heart", "am_adam"]
    assert KokoroEngine.describe().word_timestamps
    raw = KokoroEngine()
    found = list(raw.synthesize(ask()))
    assert np.array_equal(joined(found), joined(expected))
    assert words_of(found) == words_of(expected) != []
    raw.close()


def test_of_several_models_the_usual_one_is_taken_or_the_one_that_is_set(
    make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model("another", timed=False)
    assert not KokoroEngine.describe().word_timestamps
    make_model("kokoro")
    assert KokoroEngine.describe().word_timestamps
    monkeypatch.setenv("MYNA_KOKORO_MODEL", "another")
    assert not KokoroEngine.describe().word_timestamps
    monkeypatch.setenv("MYNA_KOKORO_MODEL", "nowhere")
    assert "nowhere" in KokoroEngine.available()[1]


@pytest.mark.parametrize("text", ["...", "—", "\u200b", "  "])
def test_nothing_to_say_is_an_error(engine: KokoroEngine, text: str) -> None:
    with pytest.raises(EngineFailed, match="nothing to say"):
        list(engine.synthesize(ask(text)))


def test_without_a_model_it_says_how_to_bring_one(store: ModelStore) -> None:
    pytest.importorskip("kokoro_onnx")
    usable, reason = KokoroEngine.available()
    assert not usable
    assert "myna models pull kokoro" in reason
    assert KokoroEngine.describe().languages[:2] == ("en-US", "en-GB")


def test_a_model_without_its_files_is_unavailable(make_model: MakeModel, store: ModelStore, tmp_path: Path) -> None:
    make_model("kokoro")
    source = tmp_path / "half"
    source.mkdir()
    (source / "notes.txt").write_text("nothing")
    for missing, left in ((".onnx", "voices-v1.0.bin"), ("voices", "kokoro-v1.0.onnx")):
        (source / left).write_bytes((tmp_path / "source-kokoro" / left).read_bytes())
        store.add("kokoro", "kokoro", source)
        usable, reason = KokoroEngine.available()
        assert not usable
        assert missing in reason
        assert "myna models verify kokoro" in reason
        (source / left).unlink()


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_a_broken_network_is_unavailable(make_model: MakeModel, store: ModelStore, damage: str) -> None:
    folder = make_model()
    whole = (folder / "kokoro-v1.0.onnx").read_bytes()
    broken = {"cut": whole[: len(whole) // 2], "text": b"<html>not found</html>" * 100, "empty": b""}[damage]
    (folder / "kokoro-v1.0.onnx").write_bytes(broken)
    store.add("kokoro", "kokoro", folder.rename(folder.with_name("damaged")))
    usable, reason = KokoroEngine.available()
    assert not usable
    assert "kokoro-v1.0.onnx" in reason
    with pytest.raises(EngineUnavailable, match="myna models pull kokoro"):
        KokoroEngine()


def test_a_network_whose_weights_are_damaged_is_unavailable(make_model: MakeModel, store: ModelStore) -> None:
    folder = make_model()
    network = folder / "kokoro-v1.0.onnx"
    network.write_bytes(network.read_bytes().replace(b"Unsqueeze", b"Unsqueezy"))
    assert KokoroEngine.available()[0]
    with pytest.raises(EngineUnavailable, match="Unsqueezy"):
        KokoroEngine()


def test_a_network_of_another_kind_is_unavailable(make_model: MakeModel, store: ModelStore) -> None:
    pytest.importorskip("piper")
    from tests.fixtures.checkpoints import piper

    folder = make_model()
    other = piper.build(folder.parent.parent / "piper") / "en_US-tiny-medium.onnx"
    (folder / "kokoro-v1.0.onnx").write_bytes(other.read_bytes())
    store.add("kokoro", "kokoro", folder.rename(folder.with_name("odd")))
    with pytest.raises(EngineUnavailable, match="its network is none of Kokoro's"):
        KokoroEngine()


def test_a_pickle_among_the_voices_is_not_read(make_model: MakeModel, store: ModelStore) -> None:
    folder = make_model()
    with (folder / "voices-v1.0.bin").open("wb") as file:
        np.savez(file, af_heart=np.array([{"a": 1}], dtype=object))
    store.add("kokoro", "kokoro", folder.rename(folder.with_name("odd")))
    with pytest.raises(EngineUnavailable, match=r"af_heart.*allow_pickle"):
        KokoroEngine()


def test_tables_of_another_shape_are_no_voices(make_model: MakeModel, store: ModelStore, tmp_path: Path) -> None:
    folder = make_model()
    with (folder / "voices-v1.0.bin").open("wb") as file:
        np.savez(file, af_heart=np.zeros((510, 256), np.float32))
    store.add("kokoro", "kokoro", folder.rename(folder.with_name("odd")))
    with pytest.raises(EngineUnavailable, match=r"\(510, 256\)"):
        KokoroEngine()


@pytest.mark.parametrize("damage", ["cut", "pickle", "empty"])
def test_broken_voices_are_unavailable(make_model: MakeModel, store: ModelStore, damage: str) -> None:
    folder = make_model()
    whole = (folder / "voices-v1.0.bin").read_bytes()
    broken = {"cut": whole[: len(whole) // 2], "pickle": pickle.dumps({"af_heart": [0.0]}), "empty": b""}[damage]
    (folder / "voices-v1.0.bin").write_bytes(broken)
    store.add("kokoro", "kokoro", folder.rename(folder.with_name("damaged")))
    assert "`voices-v1.0.bin` is no archive of voices" in KokoroEngine.available()[1]


@pytest.mark.parametrize("entries", [(), ("archive/data.pkl", "archive/version"), ("nobody.npy",)])
def test_an_archive_of_something_else_has_no_voices(
    make_model: MakeModel, store: ModelStore, entries: tuple[str, ...]
) -> None:
    folder = make_model()
    with zipfile.ZipFile(folder / "voices-v1.0.bin", "w") as archive:
        for entry in entries:
            archive.writestr(entry, b"\x80\x04N.")
    store.add("kokoro", "kokoro", folder.rename(folder.with_name("odd")))
    assert "holds no voices" in KokoroEngine.available()[1]


def test_a_long_run_can_be_interrupted_from_another_thread(engine: KokoroEngine) -> None:
    running = threading.Event()
    session = engine._model.session
    plain = session._session.run

    class Slow:
        """Runs until it is told to stop, as a network of the true size would for seconds."""

        def run(self, outputs: object, inputs: object, options: object) -> object:
            running.set()
            while not options.terminate:  # type: ignore[attr-defined]
                pass
            return plain(outputs, inputs, options)

        def __getattr__(self, name: str) -> object:
            return getattr(session, name)

    whole, session._session = session._session, Slow()
    stopper = threading.Thread(target=lambda: (running.wait(60), engine.interrupt()))
    stopper.start()
    with pytest.raises(Exception, match="terminate"):
        list(engine.synthesize(ask()))
    stopper.join()
    session._session = whole
    assert seconds(list(engine.synthesize(ask()))) > 1


def test_a_device_that_is_not_here_is_said(make_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model()
    monkeypatch.setenv("MYNA_ENGINE_DEVICES", '{"kokoro": "cuda"}')
    with pytest.raises(EngineUnavailable, match="onnxruntime-gpu"):
        KokoroEngine()
