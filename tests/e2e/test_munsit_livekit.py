"""Munsit's own plugin for LiveKit agents, unmodified, speaking with a cloned voice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import pytest
from livekit.agents import APIConnectOptions, APIError, APIStatusError
from livekit.plugins import munsit

from tests.fixtures.munsit import ARABIC, Account
from tests.fixtures.server import ServerProcess

pytestmark = pytest.mark.sdk

SENTENCES = "Good morning. This is a voice that was made from a recording. It speaks while it is listened to."
ONCE = APIConnectOptions(max_retry=0, timeout=30)


@pytest.fixture(scope="module")
def account(server: ServerProcess) -> Account:
    return Account(server)


@pytest.fixture(scope="module")
def voice_id(account: Account, low_voice: bytes) -> str:
    return account.new_voice(low_voice)["voice_id"]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def plugin(account: Account, session: aiohttp.ClientSession, key: str | None = None, **options) -> munsit.TTS:
    return munsit.TTS(
        api_key=key or account.key, base_url=f"{account.server.url}/api/v1", http_session=session, **options
    )


async def streamed(tts: munsit.TTS, text: str) -> tuple[np.ndarray, set[int]]:
    """The text comes word by word, as from a language model."""
    heard, rates = [], set()
    async with tts.stream(conn_options=ONCE) as stream:
        for word in text.split(" "):
            stream.push_text(word + " ")
        stream.end_input()
        async for event in stream:
            heard.append(np.frombuffer(event.frame.data, "<i2"))
            rates.add(event.frame.sample_rate)
    return np.concatenate(heard), rates


@pytest.mark.parametrize("rate", [48_000, 24_000])
async def test_streaming_from_a_cloned_voice(account, voice_id, session, rate):
    samples, rates = await streamed(plugin(account, session, voice_id=voice_id, sample_rate=rate), SENTENCES)
    assert rates == {rate}
    assert len(samples) / rate == pytest.approx(len(SENTENCES) * 0.06, rel=0.15)
    assert np.abs(samples.astype(int)).max() > 1_000


async def test_the_whole_file(account, voice_id, session):
    async with plugin(account, session, voice_id=voice_id).synthesize(SENTENCES, conn_options=ONCE) as stream:
        heard = [np.frombuffer(event.frame.data, "<i2") async for event in stream]
    assert len(np.concatenate(heard)) / 48_000 == pytest.approx(len(SENTENCES) * 0.06, rel=0.15)


async def test_the_plugins_own_voice_and_a_dialect(account, session):
    samples, _ = await streamed(plugin(account, session, dialect="emirati", speed=1.2), ARABIC)
    assert len(samples) / 48_000 > 0.5


async def test_many_at_once(account, voice_id, session):
    tts = plugin(account, session, voice_id=voice_id)
    found = await asyncio.gather(*(streamed(tts, f"This is number {number}.") for number in range(8)))
    assert all(len(samples) > 10_000 for samples, _ in found)


@pytest.mark.parametrize(
    ("options", "status"),
    [({"voice_id": "nobody"}, 404), ({"key": "wrong"}, 401), ({"model": "nobody"}, None)],
)
async def test_errors_are_the_plugins_own(account, session, options, status):
    with pytest.raises(APIError) as caught:
        await streamed(plugin(account, session, **options), "Hello there.")
    if status:
        assert isinstance(caught.value, APIStatusError)
        assert caught.value.status_code == status
    else:
        assert "Model not found: nobody" in caught.value.message


async def test_an_empty_wallet(account, session):
    poor = await asyncio.to_thread(account.server.new_key, 0.001)
    with pytest.raises(APIError, match=r"Insufficient wallet balance\. Required: \$0\.0012, Available: \$0\.000001"):
        await streamed(plugin(account, session, key=poor), "Hello there.")
