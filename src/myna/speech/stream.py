"""A running stream of speech: encoded bytes as they are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol

import numpy as np

from myna.audio.gain import StreamGain
from myna.audio.resample import StreamResampler
from myna.engines.base import Samples
from myna.media.encode import StreamEncoder, WholeFileEncoder
from myna.media.formats import MEDIA_TYPES, AudioFormat
from myna.speech.rendering import Renderer
from myna.speech.script import Script
from myna.speech.steps import failure


class Settlement(Protocol):
    """What the end of a stream costs."""

    async def complete(self, share: float) -> None: ...

    async def fail(self, code: str, message: str) -> None: ...


class SpeechStream:
    """Encoded speech, piece by piece. Close it when the listener goes: the engine stops at once."""

    def __init__(
        self,
        *,
        renderer: Renderer,
        script: Script,
        encoder: StreamEncoder | WholeFileEncoder,
        gain: StreamGain,
        sample_rate: int,
        format: AudioFormat,
        settle: Settlement,
    ) -> None:
        self.media_type = MEDIA_TYPES[format]
        self.characters = sum(len(piece.text) for piece in script.pieces)
        self.seconds = 0.0
        """Sound so far."""
        self._script = script
        self._pieces = renderer.speak(script)
        self._encoder = encoder
        self._gain = gain
        self._resampler = StreamResampler(script.sample_rate, sample_rate)
        self._settle = settle
        self._first: bytes = b""
        self._done_pieces = 0

    async def begin(self, accepted: Coroutine[Any, Any, None]) -> None:
        """Speak the first piece while the price is held. Either may fail; then nothing is left of the other."""
        first = asyncio.create_task(self._next_block())
        try:
            await accepted
        except BaseException:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await self._stop_speaking()
            raise
        try:
            self._first = await first or b""
        except BaseException as error:
            await self._give_up(error)
            raise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            block: bytes | None = self._first
            while block is not None:
                if block:
                    yield block
                block = await self._next_block()
            yield await asyncio.to_thread(self._encoder.finish)
            await self._settle.complete(1.0)
        except Exception as error:
            await self._give_up(error)
            raise
        finally:
            await asyncio.shield(self.aclose())

    async def aclose(self) -> None:
        """End the stream, and charge the share of the text that was spoken. Harmless when it has ended."""
        await self._stop_speaking()
        await self._settle.complete(self._share())

    async def _stop_speaking(self) -> None:
        await self._pieces.aclose()  # type: ignore[attr-defined]

    async def _next_block(self) -> bytes | None:
        spoken = await anext(self._pieces, None)
        if spoken is None:
            return None
        samples = spoken.samples
        self._done_pieces += 1
        self.seconds += len(samples) / self._script.sample_rate
        last = self._done_pieces == len(self._script.pieces)
        return await asyncio.to_thread(self._encode, samples, last)

    def _encode(self, samples: Samples, last: bool) -> bytes:
        sound = self._resampler.process(self._gain.process(samples), last=last)
        return self._encoder.write(np.ascontiguousarray(sound))

    def _share(self) -> float:
        done = sum(len(piece.text) for piece in self._script.pieces[: self._done_pieces])
        return done / self.characters if self.characters else 0.0

    async def _give_up(self, error: BaseException) -> None:
        await self._stop_speaking()
        await self._settle.fail(*failure(error if isinstance(error, Exception) else RuntimeError("canceled")))
