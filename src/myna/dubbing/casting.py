"""Who speaks for whom: a fitting voice for each speaker, in each language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from myna.dubbing.schemas import DubRequest, Speaker
from myna.engines.base import Gender
from myna.voices.languages import usual_first, usual_rank
from myna.voices.schemas import Voice

CLONE = "clone:"
"""Begins the id of a voice that was made of a speaker for this dub alone: `clone:speaker-1`."""
_PARTING_PITCH = 160.0
"""Hz. Adult men speak at 85 to 155 Hz, women at 165 to 255 Hz (I. R. Titze, Principles of Voice Production, 1994)."""


def cast(speakers: Sequence[Speaker], language: str, request: DubRequest, voices: Sequence[Voice]) -> dict[str, str]:
    """The id of a voice for each speaker.

    First what the request says for the speaker (in this language, or in all), then the one voice for everybody (in this
    language, or in all), then a clone, then one of `voices`: all that speak the language, the preferred engine's first.
    Those fit by pitch, speak with the usual accent and are different for each speaker as long as there are enough. The
    same speakers always get the same voices.
    """
    chosen = {speaker.id: wanted for speaker in speakers if (wanted := wanted_voice(speaker, language, request))}
    taken = set(chosen.values())
    for speaker in sorted(speakers, key=lambda speaker: (-speaker.seconds, speaker.id)):
        if speaker.id not in chosen:
            chosen[speaker.id] = _fitting(speaker, language, voices, taken)
            taken.add(chosen[speaker.id])
    return chosen


def wanted_voice(speaker: Speaker, language: str, request: DubRequest) -> str | None:
    """What was asked for, if anything was."""
    said = request.voices
    own = said.get(f"{language}/{speaker.id}") or speaker.voice_id or said.get(speaker.id)
    named = own or said.get(language) or request.voice_id
    return named or (f"{CLONE}{speaker.id}" if request.clone_speakers else None)


def gender_of(pitch: float) -> Gender:
    """By the median pitch of a voice, in Hz. 0: not known."""
    if pitch <= 0:
        return "neutral"
    return "male" if pitch < _PARTING_PITCH else "female"


def _fitting(speaker: Speaker, language: str, voices: Sequence[Voice], taken: Iterable[str]) -> str:
    free = [voice for voice in voices if voice.id not in set(taken)] or list(voices)
    gender = gender_of(speaker.pitch)
    same = [voice for voice in free if gender in ("neutral", voice.gender)]
    candidates = usual_first(same, language) if same else free
    order = {voice.id: place for place, voice in enumerate(voices)}
    engines = list(dict.fromkeys(voice.engine for voice in voices))
    best = min(candidates, key=lambda voice: (engines.index(voice.engine), usual_rank(voice), order[voice.id]))
    return best.id
