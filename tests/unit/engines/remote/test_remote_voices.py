"""Which voices a speech server has, in all the shapes in which servers say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from myna.engines.remote.engine import RemoteEngine
from myna.engines.remote.voices import remote_voices
from myna.errors import EngineUnavailable
from myna.settings import Settings
from tests.fixtures.upstream import speech_server

NOBODY = "http://127.0.0.1:9/v1"


def listed(shape: Any, tmp_path: Path, **settings: Any) -> list[tuple[str, str, str, str]]:
    with speech_server(voices=shape) as server:
        found = remote_voices(Settings(remote_url=[server.url], data_dir=tmp_path, **settings))
    return [(voice.id, voice.name, voice.language, voice.gender) for voice in found]


@pytest.mark.parametrize(
    "shape",
    [
        {"voices": ["vivian", "uncle_fu"], "uploaded_voices": []},
        {"voices": [{"id": "vivian", "name": "vivian"}, {"name": "uncle_fu"}, {"id": 3}, None]},
        {"data": [{"voice_id": "vivian"}, {"id": "uncle_fu"}]},
        ["vivian", "uncle_fu", "", "vivian"],
        {"voices": {"vivian": {}, "uncle_fu": "tag"}},
    ],
)
def test_lists_of_many_servers_are_understood(shape: Any, tmp_path: Path) -> None:
    assert listed(shape, tmp_path) == [
        ("vivian", "vivian", "en-US", "neutral"),
        ("uncle-fu", "uncle_fu", "en-US", "neutral"),
    ]


def test_the_settings_of_a_voice_are_its_own_name(tmp_path: Path) -> None:
    with speech_server(voices=["af_bella(2)+Am Adam"]) as server:
        (voice,) = remote_voices(Settings(remote_url=[server.url], data_dir=tmp_path))
    assert (voice.id, voice.settings) == ("af-bella-2-am-adam", {"voice": "af_bella(2)+Am Adam"})


def test_what_a_list_says_of_languages_and_genders_is_believed(tmp_path: Path) -> None:
    shape = {"voices": [{"id": "a:b", "name": "Ann", "languages": ["de-DE", "en-GB", "!"], "gender": "Female"}]}
    assert listed(shape, tmp_path) == [
        ("a-b", "Ann", "de-DE", "female"),
        ("a-b.en-gb", "Ann (en-GB)", "en-GB", "female"),
    ]


def test_names_of_kokoro_say_language_and_gender(tmp_path: Path) -> None:
    assert listed(["af_heart", "bm_lewis", "pf_dora", "zm_yunxi", "xx_other", "bf_v0emma"], tmp_path) == [
        ("af-heart", "af_heart", "en-US", "female"),
        ("bm-lewis", "bm_lewis", "en-GB", "male"),
        ("pf-dora", "pf_dora", "pt-BR", "female"),
        ("zm-yunxi", "zm_yunxi", "zh-CN", "male"),
        ("xx-other", "xx_other", "en-US", "neutral"),
        ("bf-v0emma", "bf_v0emma", "en-GB", "female"),
    ]


def test_a_voice_of_which_nothing_is_said_speaks_all_languages_of_the_settings(tmp_path: Path) -> None:
    found = listed(["vivian", "Vivian"], tmp_path, remote_languages=["zh-CN", "en-US"])
    assert found == [("vivian", "vivian", "zh-CN", "neutral"), ("vivian.en-us", "vivian (en-US)", "en-US", "neutral")]


def test_voices_of_one_name_are_told_apart(tmp_path: Path) -> None:
    shape = [{"id": "one", "name": "Ann"}, {"id": "two", "name": "ann"}]
    assert [voice[1] for voice in listed(shape, tmp_path)] == ["Ann", "ann (two)"]


def test_the_settings_name_voices_without_asking() -> None:
    voices = remote_voices(Settings(remote_url=[NOBODY], remote_voices=["af_heart", " vivian = zh-CN ", "onyx"]))
    assert [(voice.settings["voice"], voice.language) for voice in voices] == [
        ("af_heart", "en-US"),
        ("vivian", "zh-CN"),
        ("onyx", "en-US"),
    ]


def test_what_was_listed_once_is_known_when_the_server_is_away(tmp_path: Path) -> None:
    with speech_server(voices=["vivian"]) as server:
        settings = Settings(remote_url=[server.url], data_dir=tmp_path)
        assert len(remote_voices(settings)) == 1
    again = settings.model_copy(update={"remote_key": Settings(remote_key="asks again").remote_key})  # type: ignore[arg-type]
    assert [voice.id for voice in remote_voices(again)] == ["vivian"]
    other = Settings(remote_url=[NOBODY], data_dir=tmp_path)
    with pytest.raises(EngineUnavailable, match="ConnectError"):
        remote_voices(other)


def test_what_is_kept_of_a_list_has_no_password(tmp_path: Path) -> None:
    with speech_server(voices=["vivian"]) as server:
        address = server.url.replace("http://", "http://user:secret@")
        assert len(remote_voices(Settings(remote_url=[address], data_dir=tmp_path))) == 1
    assert "secret" not in (tmp_path / "remote-voices.json").read_text()


def test_the_next_server_is_asked_when_one_does_not_say(tmp_path: Path) -> None:
    with speech_server(voices=["vivian"]) as server:
        settings = Settings(remote_url=[NOBODY, server.url], data_dir=tmp_path)
        assert [voice.id for voice in remote_voices(settings)] == ["vivian"]


@pytest.mark.parametrize("shape", [None, {"voices": []}, {"voices": None}, "vivian", 3])
def test_a_server_without_a_list_needs_the_settings(shape: Any, tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="MYNA_REMOTE_VOICES"):
        listed(shape, tmp_path)


def test_it_is_unavailable_without_a_server_and_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MYNA_REMOTE_URL", raising=False)
    usable, reason = RemoteEngine.available()
    assert not usable
    assert "MYNA_REMOTE_URL" in reason


def test_it_is_unavailable_while_nobody_knows_its_voices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MYNA_REMOTE_URL", NOBODY)
    monkeypatch.setenv("MYNA_DATA_DIR", str(tmp_path))
    usable, reason = RemoteEngine.available()
    assert not usable
    assert "did not say which voices it has" in reason


def test_it_describes_itself_by_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_REMOTE_URL", NOBODY)
    monkeypatch.setenv("MYNA_REMOTE_VOICES", "af_heart,ff_siwis")
    monkeypatch.setenv("MYNA_REMOTE_LANGUAGES", "de-DE")
    monkeypatch.setenv("MYNA_REMOTE_AT_ONCE", "12")
    assert RemoteEngine.available() == (True, "")
    able = RemoteEngine.describe()
    assert able.languages == ("en-US", "fr-FR", "de-DE")
    assert able.at_once == 12
    assert able.streaming
    assert able.options == {"speed"}
