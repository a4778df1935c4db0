"""Hears English with pocketsphinx (Carnegie Mellon University), and finds the words of a known text in a recording."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from myna.audio.hearing import FRAMES_PER_SECOND, PADDING, RATE, to_be_heard
from myna.engines.base import Samples
from myna.engines.recognition import (
    HeardWord,
    Recognised,
    RecognitionCapabilities,
    RecognitionEngine,
    RecognitionRequest,
)
from myna.errors import Unsupported

_SILENCE = 1e-4
"""Full scale is 1: -80 dBFS."""
_LEAST_POWER = 10 ** (-18 / 10)
"""Of a word, against loud moments of the sound; weak words of clear speech have -16 dB."""
_ALWAYS_CAPITAL = re.compile(r"^i(?='|$)")

_SPELLINGS = (
    "tch=CH sch=SH igh=AY eigh=EY ough=AO augh=AO tion=SH,AH,N sion=ZH,AH,N ch=CH sh=SH th=TH ph=F ck=K qu=K,W "
    "wh=W ng=NG ee=IY ea=IY oo=UW ou=AW ow=OW ai=EY ay=EY oa=OW oi=OY oy=OY au=AO aw=AO er=ER ir=ER ur=ER ar=AA,R "
    "or=AO,R ie=IY ue=UW a=AE b=B c=K d=D e=EH f=F g=G h=HH i=IH j=JH k=K l=L m=M n=N o=AA p=P q=K r=R s=S t=T u=AH "
    "v=V w=W x=K,S y=IY z=Z"
)
"""How letters of words that are in no dictionary may sound: near enough to find the place of the word."""
_SOUNDS = {letters: sounds.replace(",", " ") for letters, sounds in (part.split("=") for part in _SPELLINGS.split())}
_LETTERS = re.compile("|".join(sorted(_SOUNDS, key=len, reverse=True)))
_DOUBLED = re.compile(r"(.)\1+")
_NAMELESS = "AH"
"""The sound of a word without a letter that is known here."""


@dataclass(frozen=True, slots=True)
class _Token:
    """A word as it is written, and its words as a dictionary has them."""

    text: str
    spoken: tuple[str, ...]


class SphinxEngine(RecognitionEngine):
    """pocketsphinx 5 with the American English model of its wheel. It knows no punctuation."""

    name: ClassVar[str] = "sphinx"

    @classmethod
    def available(cls) -> tuple[bool, str]:
        if find_spec("pocketsphinx") is None:
            return False, "the package `pocketsphinx` is not installed"
        return True, ""

    @classmethod
    def describe(cls) -> RecognitionCapabilities:
        return RecognitionCapabilities(
            name=cls.name,
            description="Understands clear American English, finds the words of a known text; embedded.",
            version=_version(),
            licence="BSD-2-Clause (pocketsphinx and its model)",
            languages=("en-US", "en-GB"),
            alignment=True,
        )

    def recognise(self, samples: Samples, sample_rate: int, request: RecognitionRequest) -> Recognised:
        """Raises `Unsupported` for other languages than English. A text that does not fit at all gives no words."""
        language = request.language or "en-US"
        if language.lower().split("-")[0] != "en":
            raise Unsupported(f"The engine `{self.name}` understands English, not `{language}`.")
        if not len(samples) or float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) < _SILENCE:
            return Recognised(language, ())  # all words fit nothing equally well: the search would take very long
        sound, seconds = to_be_heard(samples, sample_rate), len(samples) / sample_rate
        words = self._heard(sound) if request.transcript is None else self._found(sound, request.transcript)
        within = [_clipped(word, seconds) for word in words if word.start < seconds]
        if request.transcript is None:
            within = list(_audible(within, samples, sample_rate))
        return Recognised(language, tuple(within))

    def _heard(self, sound: bytes) -> Iterator[HeardWord]:
        decoder = _decoder()
        _listen(decoder, sound)
        for part in decoder.seg() or ():
            if word := _plain(part.word):
                yield HeardWord(word, *_times(part), min(1.0, max(0.0, part.prob)))

    def _found(self, sound: bytes, text: str) -> Iterator[HeardWord]:
        tokens = [_Token(token, spoken) for token in text.split() if (spoken := tuple(spoken_words(token)))]
        if not tokens:
            return
        decoder = _aligner()
        for word in {word for token in tokens for word in token.spoken if not decoder.lookup_word(word)}:
            decoder.add_word(word, guessed_sounds(word))
        try:
            decoder.set_align_text(" ".join(word for token in tokens for word in token.spoken))
            _listen(decoder, sound)
        except RuntimeError:  # no way through the sound with these words
            return
        parts = iter([part for part in decoder.seg() or () if _plain(part.word)])
        for token in tokens:
            mine = [part for _, part in zip(token.spoken, parts, strict=False)]
            if len(mine) < len(token.spoken):
                return
            yield HeardWord(token.text, _times(mine[0])[0], _times(mine[-1])[1])


def _decoder() -> Any:
    """A new one for each sound, as it adapts to what it hears (0.3 s); so the same sound always has the same words."""
    from pocketsphinx import Decoder

    return Decoder(samprate=RATE, cmn="batch", loglevel="FATAL")


def _aligner() -> Any:
    """Without a language model (0.1 s)."""
    from pocketsphinx import Decoder, get_model_path

    model = Path(get_model_path(), "en-us")
    words = str(model / "cmudict-en-us.dict")
    return Decoder(hmm=str(model / "en-us"), dict=words, lm=None, samprate=RATE, cmn="batch", loglevel="FATAL")


def spoken_words(token: str) -> list[str]:
    """The words of a token as a dictionary has them: small letters and apostrophes, numbers in words."""
    from num2words import num2words

    plain = token.lower().replace("’", "'")
    parts = re.findall(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)*", plain)
    words = [num2words(int(part)) if part.isdecimal() and len(part) < 10 else part for part in parts]
    return re.findall(r"[^\W\d_']+(?:'[^\W\d_']+)*", " ".join(words))


def guessed_sounds(word: str) -> str:
    """English sounds (ARPABET) for a word by its letters alone."""
    plain = _DOUBLED.sub(r"\1", word) if len(set(word)) > 1 else word
    return " ".join(_SOUNDS[letters] for letters in _LETTERS.findall(plain)) or _NAMELESS


def _listen(decoder: Any, sound: bytes) -> None:
    decoder.start_utt()
    try:
        decoder.process_raw(sound, full_utt=True)
    finally:
        decoder.end_utt()


def _plain(word: str) -> str:
    """A word without the number of its pronunciation; empty for pauses and noises."""
    if word.startswith(("<", "[", "+")):
        return ""
    return _ALWAYS_CAPITAL.sub("I", word.partition("(")[0])


def _audible(words: Sequence[HeardWord], samples: Samples, rate: int) -> Iterator[HeardWord]:
    """Without the words that the recogniser makes of the hush before and after speech."""
    power = np.square(samples, dtype=np.float64)
    frame = max(1, rate // FRAMES_PER_SECOND)
    frames = power[: len(power) // frame * frame].reshape(-1, frame).mean(axis=1)
    least = _LEAST_POWER * np.percentile(frames, 90) if len(frames) else 0.0
    for word in words:
        mine = power[round(word.start * rate) : round(word.end * rate)]
        if len(mine) and mine.mean() >= least:
            yield word


def _times(part: Any) -> tuple[float, float]:
    """Seconds; the last frame of a word is still part of it."""
    start, end = part.start_frame / FRAMES_PER_SECOND, (part.end_frame + 1) / FRAMES_PER_SECOND
    return start - PADDING, end - PADDING


def _clipped(word: HeardWord, seconds: float) -> HeardWord:
    start = max(0.0, word.start)
    return HeardWord(word.text, start, min(seconds, max(start, word.end)), word.confidence)


def _version() -> str:
    try:
        return version("pocketsphinx")
    except PackageNotFoundError:
        return ""
