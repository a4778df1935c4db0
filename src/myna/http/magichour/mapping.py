"""Magic Hour's words into ours and back. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from myna.credits.schemas import MILLI
from myna.errors import NotFound
from myna.http.magichour.errors import UnprocessableEntity
from myna.http.magichour.schemas import (
    AccountDetails,
    AssetType,
    AudioProject,
    Created,
    Download,
    ImageProject,
    ProjectError,
    Status,
    Upload,
    UploadItem,
    VoiceClonerBody,
    VoiceGeneratorBody,
)
from myna.jobs.schemas import Job, JobStatus
from myna.kit import ids
from myna.kit.clock import milliseconds_z
from myna.outputs.schemas import Output
from myna.speech.schemas import SpeechRequest
from myna.storage.links import LinkSigner

API = "magichour"

STATUSES: dict[JobStatus, Status] = {
    "queued": "queued",
    "running": "rendering",
    "succeeded": "complete",
    "failed": "error",
    "canceled": "canceled",
}

ERROR_CODES = {
    "text_too_long": "text_too_long",
    "voice_not_found": "invalid_voice",
    "insufficient_credits": "insufficient_credits",
    "engine_timeout": "processing_timeout",
    "invalid_request": "invalid_parameters",
    "unsupported": "invalid_parameters",
    "address_refused": "invalid_parameters",
    "not_found": "invalid_parameters",
    "reference_refused": "invalid_parameters",
    "unsupported_media": "invalid_file_format",
    "body_too_large": "file_too_large",
    "voice_blocked": "content_policy_violation",
}
"""Why a job failed, in the vendor's published codes. All others are `unknown_error`."""

EXTENSIONS: dict[AssetType, tuple[str, ...]] = {
    "audio": ("mp3", "wav", "aac", "flac", "webm", "weba", "m4a", "opus", "ogg", "oga", "aiff", "amr"),
    "video": ("mp4", "m4v", "mov", "webm"),
    "image": ("png", "jpg", "jpeg", "jfif", "heic", "heif", "webp", "avif", "jp2", "tiff", "tif", "bmp"),
}
"""What may be uploaded, in the order in which the error message lists it."""

_UNLISTED_EXTENSIONS: dict[AssetType, frozenset[str]] = {
    "audio": frozenset({"mpeg"}),
    "video": frozenset(),
    "image": frozenset({"gif"}),
}
"""What the official clients also send."""

_PROJECT_ID = re.compile(r"c[0-9a-z]{24}")
_FILE_PATH = re.compile(r"api-assets/(c[0-9a-z]{24})/(?:audio|video|image)\.([a-z0-9]{1,8})")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Makes the links of one answer. They carry their own permission, so no key is sent with them."""

    signer: LinkSigner
    base_url: str
    expires_at: datetime

    def download(self, output: Output) -> Download:
        url = self.signer.download(self.base_url, output.object_key, output.file_name, self.expires_at)
        return Download(url=url, expires_at=milliseconds_z(self.expires_at))

    def upload(self, account_id: str, file_path: str) -> Upload:
        key, file_name = upload_key(account_id, file_path), file_path.rpartition("/")[2]
        url = self.signer.upload(self.base_url, key, file_name, self.expires_at)
        return Upload(upload_url=url, expires_at=milliseconds_z(self.expires_at), file_path=file_path)


def price(prompt: str, characters_per_credit: int) -> int:
    """Milli-credits: one credit for each begun group of characters (Unicode code points)."""
    return -(-len(prompt) // characters_per_credit) * MILLI


def project_name(body: VoiceGeneratorBody | VoiceClonerBody, now: datetime) -> str:
    maker = "Voice Cloner" if isinstance(body, VoiceClonerBody) else "Voice Generator"
    return f"{maker} - {milliseconds_z(now)}" if body.name is None else body.name


def speech_request(body: VoiceGeneratorBody | VoiceClonerBody, voice_id: str) -> SpeechRequest:
    """A WAV file of the steady reading: the same prompt and voice always sound the same."""
    return SpeechRequest(text=body.style.prompt, voice_id=voice_id, format="wav", temperature=0.0, seed=0)


def speech_details(body: VoiceGeneratorBody, job_id: str) -> dict[str, Any]:
    return {"output": _output_details(job_id, {"voice_name": body.style.voice_name})}


def clone_details(body: VoiceClonerBody, job_id: str, source: dict[str, str]) -> dict[str, Any]:
    """`source` is where the recording to clone lies. Of an address, what follows the path may be a secret."""
    path = body.assets.audio_file_path.partition("?")[0]
    return {"reference": source, "output": _output_details(job_id, {"audio_file_path": path})}


def _output_details(job_id: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The official clients save a download under the last part of its address, so each file has its own name."""
    return {"id": ids.derived_uuid(job_id, "output"), "file_name": f"{job_id}.wav", "settings": settings}


def is_project_id(text: str) -> bool:
    """Whether it looks like an id that was given out; what does not is not even looked up."""
    return _PROJECT_ID.fullmatch(text) is not None


def created(job: Job) -> Created:
    return Created(id=job.id, credits_charged=_whole_credits(job.charged))


def audio_project(job: Job, outputs: Iterable[Output], addresses: Addresses) -> AudioProject:
    """What a GET answers and what a webhook carries. Its links work without a key."""
    complete = job.status == "succeeded" and job.deleted_at is None
    return AudioProject(
        id=job.id,
        name=job.name,
        status=STATUSES[job.status],
        type="VOICE_CLONER" if _is_clone(job) else "VOICE_GENERATOR",
        created_at=milliseconds_z(job.created_at),
        enabled=job.deleted_at is None,
        credits_charged=_whole_credits(job.charged),
        downloads=[addresses.download(output) for output in outputs] if complete else [],
        error=_project_error(job) if job.status == "failed" else None,
    )


def image_project(project: AudioProject) -> ImageProject:
    return ImageProject(**project.model_dump())


def account_details(account_id: str, balance: int) -> AccountDetails:
    return AccountDetails(id=account_id, credits=balance // MILLI)


def new_file_path(item: UploadItem) -> str:
    """A fresh `api-assets/<id>/<type>.<extension>`. Raises `UnprocessableEntity` for an extension of another type."""
    check_extension(item.type, item.extension)
    return f"api-assets/{ids.cuid()}/{item.type}.{item.extension}"


def check_extension(type: AssetType, extension: str) -> None:
    """Raises `UnprocessableEntity`, in the vendor's words, for an extension of another type of file."""
    allowed = EXTENSIONS[type]
    if extension not in allowed and extension not in _UNLISTED_EXTENSIONS[type]:
        raise UnprocessableEntity(
            f"'{extension}' is an invalid {type} extension. Possible extensions are '{', '.join(allowed)}'"
        )


def upload_key(account_id: str, file_path: str) -> str:
    """Where an upload lies in the storage: in the folder of its account, so nobody else's path leads to it.

    Raises `NotFound` when this is no path that an upload got.
    """
    match = _FILE_PATH.fullmatch(file_path)
    if match is None:
        raise NotFound(f"`{file_path}` is not the path of an upload.")
    return f"uploads/{account_id}/{match[1]}.{match[2]}"


def _project_error(job: Job) -> ProjectError:
    code = ERROR_CODES.get(job.error_code or "", "unknown_error")
    usual = "Unable to clone voice" if _is_clone(job) else "Unable to generate speech"
    return ProjectError(message=job.error_message or usual, code=code)


def _is_clone(job: Job) -> bool:
    return "reference" in job.details


def _whole_credits(milli: int) -> int:
    return -(-milli // MILLI)
