"""ModelsLab's words into ours and back. Pure functions."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from myna.dubbing.schemas import Dub
from myna.errors import EngineUnavailable, InvalidRequest, MynaError, StorageFull, Unavailable
from myna.http.modelslab.errors import JobFailed
from myna.http.modelslab.fields import Fields, Scalar
from myna.http.modelslab.media import dubbed_as
from myna.http.modelslab.voices import API, Chosen
from myna.jobs.schemas import Job
from myna.kit import ids
from myna.media.formats import AudioFormat
from myna.media.probe import MediaInfo
from myna.outputs.schemas import Output
from myna.speech.schemas import SpeechRequest
from myna.storage.links import LinkSigner
from myna.transcription.schemas import TranscriptionRequest

__all__ = ["API"]

LONGEST_PROMPT = 2_500
SLOWEST, FASTEST = 0.25, 4.0
TIP = "Your audio is processing in background, you can get this audio using fetch API"
TRANSCRIPT_TIP = "Your transcription is processing in background, you can get this transcription using fetch API"
TRY_AGAIN = "Try to fetch request after seconds estimated"
FAILED = "Failed, Try Again"
NOT_FOUND = "Request not found"
CANCELED = "The request was canceled"
DEFAULT_PREFIX = "spanish_dub"
"""The vendor's."""
_LONGEST_PREFIX = 64
_UNSAFE = re.compile(r"[^\w.-]+")
_FILMS, _SOUNDS = ("mp4", "mov", "mkv", "webm"), ("mp3", "m4a", "ogg", "wav", "flac")
_TRANSCRIPT_SECONDS = 5
_USUAL_DUB_SECONDS, _LEAST_DUB_SECONDS, _DUB_SHARE = 100, 10, 0.5
_CHARACTERS_PER_SECOND = 300
"""That a slow machine surely speaks, for the estimate."""
_EMOTIONS = re.compile(r"\s*<(?:laugh|chuckle|sigh|cough|sniffle|groan|yawn|gasp)>", re.IGNORECASE)
"""Of the vendor's emotional voices; no engine here makes them, and nobody wants them read out."""
_OF_THE_REQUEST = frozenset(
    {
        "address_refused",
        "body_too_large",
        "consent_required",
        "invalid_request",
        "not_found",
        "reference_refused",
        "text_too_long",
        "unsupported",
        "unsupported_media",
        "voice_blocked",
        "voice_not_found",
    }
)
"""Codes of jobs that failed by what they were asked."""
_FOR_THE_MOMENT = frozenset({Unavailable.code, EngineUnavailable.code, StorageFull.code})
"""Codes of jobs that failed by what was not there."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Makes the links of one answer."""

    signer: LinkSigner
    base_url: str
    """Of this server."""
    prefix: str
    """Under which the client sees this API: `/modelslab` or nothing."""
    expires_at: datetime

    def file(self, object_key: str, file_name: str) -> str:
        """Where a file is, or will be: without a key, under its real name."""
        return self.signer.download(self.base_url, object_key, file_name, self.expires_at)

    def fetch(self, number: int, family: str = "voice") -> str:
        return f"{self.base_url}{self.prefix}/api/v6/{family}/fetch/{number}"


@dataclass(frozen=True, slots=True)
class Callback:
    """Who is told of the end, and by which name."""

    url: str | None
    track_id: Scalar | None

    def as_details(self) -> dict[str, Any]:
        named = {"webhook": {"url": self.url, "style": API}} if self.url else {}
        return {"track_id": self.track_id, **named}


def number_of(seed: str) -> int:
    """The id that the client sees: an integer that also JavaScript holds exactly."""
    return 1 + int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6], "big")


def job_id_of(number: int) -> str:
    return ids.derived_uuid("modelslab-job", str(number))


def read_number(text: str) -> int | None:
    """None for what was never an id."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 16 else None


def callback(fields: Fields) -> Callback:
    return Callback(fields.text("webhook"), fields.scalar("track_id"))


def prompt_of(fields: Fields, most: int) -> str:
    """Raises `InvalidRequest`."""
    prompt = fields.required("prompt", "text")
    if len(prompt) > most:
        raise InvalidRequest(f"prompt may have at most {most} characters", field="prompt")
    text = _EMOTIONS.sub("", prompt).strip()
    if not text:
        raise InvalidRequest("prompt is required", field="prompt")
    return text


def sound_format(fields: Fields) -> AudioFormat:
    wanted = (fields.text("output_format") or "wav").strip().lower()
    if wanted == "wav":
        return "wav"
    if wanted == "mp3":
        return "mp3"
    raise InvalidRequest("output_format must be wav or mp3", field="output_format")


def speech_request(text: str, voice_id: str, language: str, fields: Fields) -> SpeechRequest:
    """The steady reading: the same prompt and voice always sound the same, for the same seed."""
    return SpeechRequest(
        text=text,
        voice_id=voice_id,
        language=language,
        speed=fields.number("speed", 1.0, least=SLOWEST, most=FASTEST),
        seed=abs(fields.whole("seed")) % 2**31,
        format=sound_format(fields),
    )


def speech_details(number: int, request: SpeechRequest, chosen: Chosen | None, fields: Fields) -> dict[str, Any]:
    """What the job remembers for later answers. `chosen` is None for a voice that is made for the job."""
    output_id = ids.derived_uuid(job_id_of(number), "output")
    file_name = f"{output_id}.{request.format}"
    meta: dict[str, Any] = {
        "base64": "yes" if fields.flag("base64") else "no",
        "emotion": "Neutral",
        "filename": file_name,
        "input_sound_clip": [],
        "input_text": request.text,
        "language": fields.text("language") or "english",
        "speed": request.speed,
        "temp": "yes" if _temporary(fields) else "no",
    }
    if chosen:
        meta["voice"] = chosen.name
    told = callback(fields)
    meta |= {"track_id": told.track_id, "webhook": told.url}
    output = {"id": output_id, "file_name": file_name, "settings": meta}
    return {"number": number, "tip": TIP, "meta": meta, "output": output, **told.as_details()}


def dub_details(fields: Fields, video_link: str, voice: str | None) -> dict[str, Any]:
    """What the job remembers, but for what `numbered` adds. Speed and id are strings at the vendor."""
    told = callback(fields)
    prefix = fields.scalar("file_prefix")
    meta = {
        "video_link": video_link,
        "source_lang": fields.text("source_lang", "source_language"),
        "output_lang": fields.text("output_lang", "target_language", "target_lang"),
        "speed": f"{fields.number('speed', 1.0, least=0, most=100):g}",
        "file_prefix": DEFAULT_PREFIX if prefix is None or prefix == "" else prefix,
        "voice": voice,
        "is_base64": fields.flag("base64"),
        "webhook": told.url,
        "track_id": told.track_id,
    }
    return {"tip": TIP, "meta": meta, **told.as_details()}


def transcript_details(number: int, fields: Fields, init_audio: str, wanted: TranscriptionRequest) -> dict[str, Any]:
    """What the job remembers."""
    output_id, told = ids.derived_uuid(job_id_of(number), "output"), callback(fields)
    meta = {
        "language": fields.text("language", "input_language"),
        "timestamp_level": wanted.timestamps,
        "file_id": output_id,
        "init_audio": init_audio,
        "track_id": told.track_id,
        "webhook": told.url,
    }
    output = {"id": output_id, "file_name": f"{output_id}.txt", "settings": meta}
    return {"number": number, "tip": TRANSCRIPT_TIP, "meta": meta, "output": output, **told.as_details()}


def numbered(details: dict[str, Any], number: int) -> dict[str, Any]:
    """Details of a dub with all that follows from its id."""
    output_id = ids.derived_uuid(job_id_of(number), "output")
    meta = {"uuid": output_id, **details["meta"], "id": str(number)}
    file_name = f"dubbed_video_{output_id}_{safe_prefix(meta['file_prefix'])}.mp4"
    output = {"id": output_id, "file_name": file_name, "settings": meta}
    return {**details, "number": number, "meta": meta, "output": output}


def safe_prefix(prefix: Scalar) -> str:
    """What of a `file_prefix`, which ends the name of a file, can stand in one."""
    return _UNSAFE.sub("_", str(prefix)).strip("._")[:_LONGEST_PREFIX] or DEFAULT_PREFIX


def source_name(url: str | None) -> str:
    """The last part of an address. Whether it is one is found out when it is fetched."""
    path = (url or "").partition("//")[2].partition("?")[0].partition("#")[0]
    return PurePosixPath(unquote(path.partition("/")[2])).name


def says_its_kind(name: str) -> bool:
    """Whether the name of a film or of a sound tells in what a dub of it comes back. Of WebM it may be either."""
    return _ending(name) in {*_FILMS, *_SOUNDS} - {"webm"}


def future_dub(dub: Dub, begin: bytes) -> tuple[str, str]:
    """Where the result will lie, and its name. Of a source that is still to be fetched, its first bytes tell the kind
    when they are known, else its name."""
    ending = _ending(dub.name)
    if begin:
        kind, container = dubbed_as(begin)
    else:
        kind, container = ("audio", ending) if ending in _SOUNDS else ("video", ending if ending in _FILMS else "mp4")
    if dub.source:
        info = MediaInfo.from_json(dict(dub.source))
        container, kind = info.result_container, "video" if info.video else "audio"
    key = f"dubs/{dub.account_id}/{dub.id}/{dub.targets[0].language}/{dub.job.id}/{kind}.{container}"
    return key, _named_as(dub.job.details["output"]["file_name"], key)


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.removeprefix(".").lower()


def dub_eta(job: Job, seconds: float | None) -> int:
    """Seconds, by the length of the source."""
    whole = _USUAL_DUB_SECONDS if seconds is None else _LEAST_DUB_SECONDS + seconds * _DUB_SHARE
    return max(1, math.ceil(whole * (1 - job.progress)))


def eta(job: Job) -> int:
    match job.kind:
        case "dub":
            return dub_eta(job, None)
        case "transcription":
            return _TRANSCRIPT_SECONDS
        case _:
            return speech_eta(job)


def _temporary(fields: Fields) -> bool:
    """The Python client sends a number."""
    return fields.flag("temp")


def future_key(job: Job, format: str) -> str:
    """Where the speech of a job will be stored."""
    return f"outputs/{job.account_id}/{job.details['output']['id']}.{format}"


def speech_eta(job: Job) -> int:
    """Seconds."""
    return max(1, math.ceil(len(str(job.request.get("text", ""))) / _CHARACTERS_PER_SECOND))


def succeeded(job: Job, outputs: Sequence[Output], addresses: Addresses) -> dict[str, Any]:
    """Of a transcript the meta tells the duration, and the language that was found."""
    links = output_links(outputs, addresses)
    transcript = outputs[0].settings if job.kind == "transcription" else {}
    return {
        "status": "success",
        "generationTime": generation_time(job),
        "id": job.details["number"],
        "output": links,
        "proxy_links": list(links),
        "audio_time": round(outputs[0].duration, 2),
        "meta": {**job.details.get("meta", {}), **transcript},
    }


def processing(job: Job, future_links: Sequence[str], fetch_result: str, eta: int) -> dict[str, Any]:
    """`output` stays empty: clients take a full one for the end."""
    return {
        "status": "processing",
        "tip": job.details.get("tip", TIP),
        "eta": eta,
        "message": TRY_AGAIN,
        "fetch_result": fetch_result,
        "id": job.details["number"],
        "output": [],
        "future_links": list(future_links),
        "proxy_links": list(future_links),
        "meta": job.details.get("meta", {}),
    }


def still_processing(job: Job, fetch_result: str, eta: int) -> dict[str, Any]:
    """What a fetch says."""
    return {
        "status": "processing",
        "message": "try again later.",
        "tip": job.details.get("tip", TIP),
        "eta": eta,
        "progress": round(100 * job.progress),
        "fetch_result": fetch_result,
        "id": job.details["number"],
        "output": [],
    }


def failed(job: Job) -> dict[str, Any]:
    return {"status": "failed", "id": job.details["number"], "message": why_failed(job), "output": []}


def not_found(number: int | None) -> dict[str, Any]:
    known = {} if number is None else {"id": number}
    return {"status": "failed", **known, "message": NOT_FOUND, "output": []}


def why_failed(job: Job) -> str:
    if job.status == "canceled":
        return CANCELED
    return job.error_message or FAILED


def failure(job: Job) -> MynaError:
    """A job that failed while its client waited, as the answer to the request itself."""
    if job.error_code in _OF_THE_REQUEST:
        return InvalidRequest(why_failed(job))
    if job.error_code in _FOR_THE_MOMENT:
        return Unavailable(why_failed(job))
    return JobFailed(f"{FAILED}: {why_failed(job)}")


def generation_time(job: Job) -> float:
    """Seconds of work."""
    if job.started_at is None or job.finished_at is None:
        return 0.0
    return round((job.finished_at - job.started_at).total_seconds(), 2)


def output_links(outputs: Sequence[Output], addresses: Addresses) -> list[str]:
    return [addresses.file(output.object_key, _named_as(output.file_name, output.object_key)) for output in outputs]


def _named_as(file_name: str, object_key: str) -> str:
    """The name with the extension of what really lies there: a dub comes back in the container that it came in."""
    return str(PurePosixPath(file_name).with_suffix(PurePosixPath(object_key).suffix))
