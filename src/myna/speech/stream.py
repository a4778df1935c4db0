"""A running stream of speech: encoded bytes as they are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from myna.audio.gain import StreamGain
from myna.audio.resample import StreamResampler
from myna.engines.base import Samples
from myna.errors import Canceled
from myna.jobs.steps import failure
from myna.kit.finishing import end_of, set_going
from myna.media.encode import StreamEncoder, WholeFileEncoder
from myna.media.formats import MEDIA_TYPES, AudioFormat
from myna.speech.rendering import Renderer, Spoken
from myna.speech.script import Script
from myna.speech.timing import Alignment, align, letter_times
from myna.speech.verifying import Check

Encoder = StreamEncoder | WholeFileEncoder


class Settlement(Protocol):
    """What the end of a stream costs. Only the first end counts."""

    async def complete(self, share: float) -> None:
        """`share` of the text was spoken, 0 to 1."""

    async def fail(self, code: str, message: str) -> None:
        """Nothing is charged."""

    def end(self) -> object:
        """Nothing was held."""


@dataclass(frozen=True, slots=True)
class TimedBlock:
    """A part of a stream. All parts together are the whole file and the whole text; of one, either may be empty."""

    audio: bytes
    alignment: Alignment
    """Of the characters that are spoken in the piece that is whole with this block. A few milliseconds of its sound
    may come with the next block, for what is resampled or compressed."""


@dataclass(frozen=True, slots=True)
class _Block:
    """What was made of one piece, or of a part of it."""

    audio: bytes
    whole: Spoken | None
    """The piece, with its last part."""
    begin: float
    """Of the piece …"""
    end: float
    """… and of the sound so far, in seconds."""


class SpeechStream:
    """Encoded speech, piece by piece. Close it when the listener goes: the engine stops at once.

    Go through the stream itself for its bytes, or through `timed` for bytes and times; once.
    """

    def __init__(
        self,
        *,
        renderer: Renderer,
        script: Script,
        encoder: Callable[[bool], Encoder],
        gain: StreamGain,
        sample_rate: int,
        format: AudioFormat,
        settle: Settlement,
        check: Check | None = None,
    ) -> None:
        """`encoder` makes what writes the file; it is told whether all of the sound comes at once."""
        self.media_type = MEDIA_TYPES[format]
        self.characters = sum(len(piece.text) for piece in script.pieces)
        self.seconds = 0.0
        """Sound so far."""
        self._script = script
        self._parts = renderer.speak_on(script, check)
        self._make_encoder = encoder
        self._encoder: Encoder | None = None
        self._gain = gain
        self._resampler = StreamResampler(script.sample_rate, sample_rate)
        self._sample_rate = sample_rate
        self._settle = settle
        self._closing: asyncio.Task[None] | None = None
        self._first: _Block | None = None
        self._done_pieces = 0
        """Those of which there was something to hear."""
        self._in_piece = False
        self._begin = 0.0
        self._done_samples = 0

    async def begin(self, accepted: Coroutine[Any, Any, None]) -> None:
        """Speak the first piece while the price is held. Either may fail; then nothing is left of the other."""
        first = asyncio.create_task(self._next_block())
        accepting = asyncio.create_task(accepted)
        try:
            await asyncio.shield(accepting)
            self._first = await first
        except BaseException as error:
            first.cancel()
            self._closing = set_going(self._undo(first, accepting, error))
            await end_of(self._closing)
            raise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(self._blocks()) as blocks:
            async for block in blocks:
                audio = block if isinstance(block, bytes) else block.audio
                if audio:
                    yield audio

    async def timed(self) -> AsyncGenerator[TimedBlock, None]:
        """The bytes, and when each character of the text as it was sent is spoken."""
        piece = 0
        async with aclosing(self._blocks()) as blocks:
            async for block in blocks:
                if isinstance(block, bytes):
                    yield TimedBlock(block, Alignment())
                elif block.whole is None:
                    yield TimedBlock(block.audio, Alignment())
                else:
                    yield TimedBlock(block.audio, await asyncio.to_thread(self._align, piece, block.whole, block))
                    piece += 1

    async def _blocks(self) -> AsyncGenerator[_Block | bytes, None]:
        """What each piece became, then the last bytes of the file."""
        try:
            block = self._first
            while block is not None:
                yield block
                block = await self._next_block()
            if self._encoder:
                yield await asyncio.to_thread(self._encoder.finish)
            await self._settle.complete(1.0)
        except Exception as error:
            await self._end(error)
            raise
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """End the stream, and charge the share of the text that was spoken, also when the caller is canceled meanwhile.
        Harmless when it has ended.
        """
        await self._end(None)

    async def _end(self, error: Exception | None) -> None:
        if self._closing is None:
            self._closing = set_going(self._close(error))
        await end_of(self._closing)

    async def _close(self, error: BaseException | None) -> None:
        try:
            await self._parts.aclose()
        finally:
            if error is None:
                await self._settle.complete(self._share())
            else:
                await self._settle.fail(*failure(error if isinstance(error, Exception) else Canceled()))

    async def _next_block(self) -> _Block | None:
        part = await anext(self._parts, None)
        if part is None:
            return None
        if not self._in_piece:
            self._begin = self._seconds_of_output()
            self._done_pieces += 1
        self._in_piece = part.whole is None
        self._done_samples += len(part.samples)
        self.seconds = self._done_samples / self._script.sample_rate
        last = self._done_pieces == len(self._script.pieces) and not self._in_piece
        audio = await asyncio.to_thread(self._encode, part.samples, last)
        return _Block(audio, part.whole, self._begin, self._seconds_of_output())

    def _seconds_of_output(self) -> float:
        """Where the pieces so far end in the sound as it is sent: at a whole sample."""
        return round(self._done_samples * self._sample_rate / self._script.sample_rate) / self._sample_rate

    def _encode(self, samples: Samples, last: bool) -> bytes:
        if self._encoder is None:
            self._encoder = self._make_encoder(last)
        sound = self._resampler.process(self._gain.process(samples), last=last)
        return self._encoder.write(np.ascontiguousarray(sound))

    def _align(self, index: int, spoken: Spoken, block: _Block) -> Alignment:
        script = self._script
        piece = script.pieces[index].text
        letters = letter_times(piece, spoken.words, spoken.samples, script.sample_rate, spoken.pause_after)
        return align(script.text, piece, script.places[index], letters, block.begin, block.end)

    def _share(self) -> float:
        done = sum(len(piece.text) for piece in self._script.pieces[: self._done_pieces])
        return done / self.characters if self.characters else 0.0

    async def _undo(self, first: asyncio.Task[Any], accepting: asyncio.Task[None], error: BaseException) -> None:
        """Nothing was heard; the price may be held all the same."""
        _, refused = await asyncio.gather(first, accepting, return_exceptions=True)
        if refused is not None:
            self._settle.end()
        await self._close(error)
