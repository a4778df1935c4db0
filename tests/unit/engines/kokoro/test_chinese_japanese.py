"""Chinese with misaki, where it is installed."""

from __future__ import annotations

import pytest

from myna.engines.base import SynthesisRequest
from myna.engines.kokoro import KokoroEngine
from myna.engines.kokoro.voices import LOCALES, spoken_here
from tests.fixtures.sound import seconds


def test_languages_are_claimed_only_where_they_can_be_read(engine: KokoroEngine) -> None:
    claimed = KokoroEngine.describe().languages
    assert set(claimed) == {locale.tag for locale in spoken_here()}
    assert set(claimed) >= {locale.tag for locale in LOCALES if locale.voice_file}
    assert ("zf_xiaobei" in {voice.id for voice in KokoroEngine.voices()}) == ("zh-CN" in claimed)


@pytest.mark.filterwarnings("ignore")  # of the libraries that cut Chinese into words
def test_chinese_is_read_in_words(engine: KokoroEngine) -> None:
    if "zh-CN" not in KokoroEngine.describe().languages:
        pytest.skip("misaki[zh] is not installed")
    request = SynthesisRequest("今天天气非常好，我亲爱的朋友。", "zh-CN", {"voice": "zf_xiaobei"})
    assert seconds(list(engine.synthesize(request))) > 2
