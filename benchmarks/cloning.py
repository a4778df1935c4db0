"""How near the engine `match` comes to reference speakers, and how well it is still understood.

The speakers are synthetic: there are no recordings of people here. A speaker is never a base of its own clone, and the
clone says sentences that the reference did not.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.cloning_measures import Listener, likeness, pitch_median, resynthesised, spectral_distance
from myna.audio.matching.vocoder import RATE
from myna.audio.resample import resample
from myna.engines.base import Engine, Samples, SynthesisRequest
from myna.engines.espeak import EspeakEngine
from myna.engines.flite import FliteEngine
from myna.engines.match import MatchEngine
from myna.engines.match.bases import Base, Bases, installed

REFERENCE = (
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It is easy to tell the "
    "depth of a well. These days a chicken leg is a rare dish. Rice is often served in round bowls. The juice of "
    "lemons makes fine punch. The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage. "
    "Four hours of steady work faced us. A large size in stockings is hard to sell."
)
UNSEEN = (
    "The boy was there when the sun rose. A rod is used to catch pink salmon.",
    "The source of the huge river is the clear spring. Kick the ball straight and follow through.",
    "Help the woman get back to her feet. A pot of tea helps to pass the evening.",
    "Smoky fires lack flame and heat. The soft cushion broke the man's fall.",
    "The salt breeze came across from the sea. The girl at the booth sold fifty bonds.",
    "The small pup gnawed a hole in the sock. The fish twisted and turned on the bent hook.",
    "Press the pants and sew a button on the vest. The swan dive was far short of perfect.",
    "The beauty of the view stunned the young boy. Two blue fish swam in the tank.",
    "Her purse was full of useless trash. The colt reared and threw the tall rider.",
    "It snowed, rained, and hailed the same morning. Read verse out loud for pleasure.",
)
"""IEEE recommended practice for speech quality measurements (1969), lists 1 to 4."""
FESTIVAL_VOICE = "cmu_us_slt_arctic_hts"
Speak = Callable[[str], Samples]


@dataclass(frozen=True)
class Speaker:
    name: str
    speak: Speak
    excluded: tuple[str, ...] = ()
    """Bases that are the same person."""


def measure() -> dict[str, Any]:
    listener = Listener()
    speakers = list(_speakers())
    engines: dict[tuple[str, ...], MatchEngine] = {}
    understood = _Understood(listener)
    rows = []
    for speaker in speakers:
        engine = engines.setdefault(speaker.excluded, MatchEngine(frozenset(speaker.excluded)))
        own = _Own(speaker)
        for words in (REFERENCE, None):
            rows.append(_row(speaker, own, engine, words, understood))
            print(rows[-1], flush=True)
    without_flite = MatchEngine(frozenset(base.id for base in installed() if base.engine == "flite"))
    for speaker in [speaker for speaker in speakers if not speaker.name.startswith("espeak")]:
        rows.append(_row(speaker, _Own(speaker), without_flite, None, understood))
        print(rows[-1], flush=True)
    return {**_costs(speakers[0]), **_summary(rows), "rows": rows}


def _speakers() -> Iterator[Speaker]:
    flite, espeak = FliteEngine(), EspeakEngine()
    for voice in FliteEngine.voices():
        yield Speaker(f"flite {voice.id}", _by(flite, voice.settings), (f"flite:{voice.id}",))
    if _festival_speaks():
        yield Speaker("HTS slt", _by_festival, ("flite:slt",))
    for name, pitch, formants in (("deep", 70, 92), ("middle", 130, 104), ("high", 190, 112)):
        recipe = f"gender male\npitch {pitch} {round(1.35 * pitch)}\n"
        recipe += "".join(f"formant {number} {formants} 100 100\n" for number in range(9))
        yield Speaker(f"espeak {name}, formants {formants} %", _by(espeak, {"recipe": recipe}))


class _Own:
    """What a speaker says itself, and the ceiling: the same, taken apart and put together again by WORLD."""

    def __init__(self, speaker: Speaker) -> None:
        self.reference = speaker.speak(REFERENCE)
        self.unseen = [speaker.speak(text) for text in UNSEEN]
        ceiling = [resynthesised(sound) for sound in self.unseen]
        self.distance = spectral_distance(np.concatenate(ceiling), np.concatenate(self.unseen))
        self.likeness = likeness(ceiling, self.reference)


class _Understood:
    """Bases, and the share of their words that is misheard, each measured once."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self._bases = Bases()
        self._known: dict[str, tuple[list[Samples], float]] = {}

    def base(self, base: Base) -> tuple[list[Samples], float]:
        if base.id not in self._known:
            sounds = [self._bases.say(base, text, "en-US") for text in UNSEEN]
            self._known[base.id] = sounds, self.listener.word_errors(UNSEEN, sounds)
        return self._known[base.id]


def _row(
    speaker: Speaker, own: _Own, engine: MatchEngine, words: str | None, understood: _Understood
) -> dict[str, Any]:
    settings = engine.prepare_voice(own.reference, RATE, words, "en-US")
    name, _, variant = str(settings["base"]).partition(":")
    stock, stock_errors = understood.base(Base(name, variant))
    clone = [_joined(engine, SynthesisRequest(text, "en-US", settings)) for text in UNSEEN]
    errors = understood.listener.word_errors(UNSEEN, clone)
    unseen, whole = np.concatenate(own.unseen), np.concatenate(clone)
    return {
        "speaker": speaker.name,
        "base": f"{name} {variant}".strip(),
        "words known": "yes" if words else "no",
        "pitch, Hz": round(pitch_median(own.reference)),
        "clone's, %": round(100 * (pitch_median(whole) / pitch_median(own.reference) - 1), 1),
        "spectrum, dB: stock": round(spectral_distance(np.concatenate(stock), unseen), 1),
        "clone": round(spectral_distance(whole, unseen), 1),
        "ceiling": round(own.distance, 1),
        "likeness: stock": round(likeness(stock, own.reference), 2),
        "clone ": round(likeness(clone, own.reference), 2),
        "ceiling ": round(own.likeness, 2),
        "word errors: base": round(stock_errors, 3),
        "clone  ": round(errors, 3),
    }


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the clones that speak through flite."""
    chosen = [row for row in rows if row["base"].startswith("flite")] or rows
    base, clone = (sum(row[name] for row in chosen) for name in ("word errors: base", "clone  "))
    return {
        "word errors, clones ÷ bases": round(clone / base, 2),
        "farthest pitch, %": max(abs(row["clone's, %"]) for row in rows),
        "left out": "" if _festival_speaks() else "HTS slt: festival and festvox-us-slt-hts are not installed",
    }


def _costs(speaker: Speaker) -> dict[str, Any]:
    """Seconds of the processor, which other work on the machine changes little."""
    reference = speaker.speak(REFERENCE)
    engine = MatchEngine(frozenset(speaker.excluded))
    cold = _seconds(lambda: engine.prepare_voice(reference, RATE, REFERENCE, "en-US"))
    warm = _seconds(lambda: engine.prepare_voice(reference, RATE, REFERENCE, "en-US"))
    settings = engine.prepare_voice(reference, RATE, REFERENCE, "en-US")
    request = SynthesisRequest(" ".join(UNSEEN), "en-US", settings)
    _joined(engine, request)
    speaking = _seconds(lambda: _joined(engine, request))
    first = _seconds(lambda: next(iter(engine.synthesize(request))))
    return {
        "reference, s": round(len(reference) / RATE, 1),
        "prepare, s of processor": round(cold, 1),
        "again": round(warm, 1),
        "voice, kB": round(len(json.dumps(settings)) / 1000),
        "speaking, share of real time": round(speaking / (len(_joined(engine, request)) / RATE), 3),
        "first sound, ms of processor": round(1000 * first),
    }


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _by(engine: Engine, settings: Any) -> Speak:
    return lambda text: _joined(engine, SynthesisRequest(text, "en-US", settings))


def _joined(engine: Engine, request: SynthesisRequest) -> Samples:
    chunks = list(engine.synthesize(request))
    return resample(np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate, RATE)


def _festival_speaks() -> bool:
    return bool(shutil.which("text2wave")) and Path(f"/usr/share/festival/voices/us/{FESTIVAL_VOICE}").exists()


def _by_festival(text: str) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        said, made = Path(folder) / "text", Path(folder) / "sound.wav"
        said.write_text(text)
        command = ["text2wave", "-o", str(made), "-eval", f"(voice_{FESTIVAL_VOICE})", str(said)]
        subprocess.run(command, check=True, capture_output=True)
        samples, rate = soundfile.read(made, dtype="float32")
    return resample(samples, rate, RATE)
