"""Between Stablecog's words and ours. Pure functions."""

from __future__ import annotations

import math
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from myna.credits.schemas import MILLI, Credit
from myna.http.stablecog.errors import StablecogError
from myna.http.stablecog.schemas import (
    CreateBody,
    Created,
    Credits,
    CreditType,
    Defaults,
    ListedCredit,
    ListedModel,
    ListedModels,
    ListedOutput,
    NestedOutput,
    Outputs,
    Settings,
    Times,
    Voiceover,
)
from myna.http.stablecog.speakers import Model, Models, Speaker, own_id, own_speaker
from myna.http.stablecog.wire import float32_text
from myna.kit.clock import rfc3339_nano
from myna.kit.pagination import Page
from myna.outputs.schemas import Output
from myna.speech.schemas import SpeechRequest

API = "stablecog"
LONGEST_PROMPT = 500
"""Code points."""
DEFAULT_TEMPERATURE = np.float32(0.7)
_COLDEST, _HOTTEST = np.float32(0), np.float32(1)
_SEEDS = 2**31 - 1

LinkTo = Callable[[Output], str]
"""The address from which an output can be downloaded."""

REFUND_DESCRIPTION = "For generate/upscale failure refunds"
_CREDIT_TYPES = {
    "Free": CreditType(id="3b12b23e-478b-4c18-8e34-70b3f0af1ee6", name="Free", amount=100, description=""),
    "Refund": CreditType(
        id="7ca94fd6-c201-4ca6-a9bf-4473c83e30b4", name="Refund", amount=0, description=REFUND_DESCRIPTION
    ),
}


@dataclass(frozen=True, slots=True)
class Order:
    """A valid request to create a voiceover, with all defaults filled in."""

    prompt: str
    speaker: Speaker
    settings: Settings


def read_order(body: CreateBody, models: Models, own: Speaker | None = None, *, checked: bool = True) -> Order:
    """Fill in the defaults, then check model, speaker, temperature and prompt, in this order.

    `own` is the speaker of this request when it is a voice of the account's own; it belongs to every model. Unchecked
    (for admins), only what could not be spoken at all is refused. Raises `StablecogError` (400).
    """
    model_id = body.model_id or models.default.id
    speaker = _speaker(models, model_id, body.speaker_id or models.default_speaker_id, own, checked)
    temperature = DEFAULT_TEMPERATURE if body.temperature is None else body.temperature
    if checked and not _COLDEST <= temperature <= _HOTTEST:
        raise StablecogError(400, "invalid_temp")
    _check_prompt(body.prompt, checked)
    return Order(
        prompt=body.prompt,
        speaker=speaker,
        settings=Settings(
            model_id=model_id,
            speaker_id=speaker.id,
            temperature=temperature,
            seed=_seed(body.seed),
            denoise_audio=body.denoise_audio is not False,
            remove_silence=body.remove_silence is not False,
        ),
    )


def _speaker(models: Models, model_id: str, speaker_id: str, own: Speaker | None, checked: bool) -> Speaker:
    model = models.find(model_id)
    if checked and model is None:
        raise StablecogError(400, "invalid_model_id")
    if own is not None:
        return own
    speaker = model.by_id.get(speaker_id) if checked and model else models.speaker(speaker_id)
    if speaker is None:
        raise StablecogError(400, "invalid_speaker_id")
    return speaker


def _check_prompt(prompt: str, checked: bool) -> None:
    if "\0" in prompt:
        raise StablecogError(400, "json_parse_error")
    if not prompt.strip():
        raise StablecogError(400, "prompt_required")
    if checked and len(prompt) > LONGEST_PROMPT:
        raise StablecogError(400, "prompt_too_long")


def _seed(wanted: int | None) -> int:
    return secrets.randbelow(_SEEDS) if wanted is None or wanted < 0 else wanted


def cost(prompt: str, credits_per_character: float) -> int:
    """Whole credits: `ceil(0.0175 × code points)` in doubles, so that 400 characters cost 8, as at Stablecog."""
    return math.ceil(credits_per_character * len(prompt))


def speech_request(order: Order) -> SpeechRequest:
    settings = order.settings
    return SpeechRequest(
        text=order.prompt,
        voice_id=order.speaker.voice_id,
        temperature=min(1.0, max(0.0, _plain(settings["temperature"]))),
        seed=settings["seed"],
        denoise=settings["denoise_audio"],
        remove_silence=settings["remove_silence"],
        format="mp3",
    )


def _plain(value: np.float32) -> float:
    """0.7 and not 0.699999988079071."""
    return float(float32_text(value))


def stored_settings(settings: Settings) -> dict[str, Any]:
    return {**settings, "temperature": _plain(settings["temperature"])}


def output_details(settings: Settings, output_id: str, was_auto_submitted: bool) -> dict[str, Any]:
    """What the job shall remember for the output that it makes."""
    return {
        "id": output_id,
        "file_name": f"{uuid.uuid4()}.mp3",
        "settings": stored_settings(settings),
        "was_auto_submitted": was_auto_submitted,
    }


def read_settings(stored: dict[str, Any]) -> Settings:
    return Settings(
        model_id=stored["model_id"],
        speaker_id=stored["speaker_id"],
        temperature=np.float32(stored["temperature"]),
        seed=stored["seed"],
        denoise_audio=stored["denoise_audio"],
        remove_silence=stored["remove_silence"],
    )


def is_free_user(rows: Sequence[Credit]) -> bool:
    """Whether all credits were given for nothing: such an account's voiceovers are submitted to the gallery."""
    return bool(rows) and all(row.type in ("Free", "Refund") for row in rows)


def created(output: Output, settings: Settings, balance: int, link_to: LinkTo) -> Created:
    url = link_to(output)
    return Created(
        outputs=[{"id": output.id, "url": url, "audio_file_url": url, "audio_duration": np.float32(output.duration)}],
        remaining_credits=balance // MILLI,
        settings=settings,
    )


def defaults(models: Models) -> Defaults:
    return Defaults(
        model_id=models.default.id,
        speaker_id=models.default_speaker_id,
        temperature=DEFAULT_TEMPERATURE,
        denoise_audio=True,
        remove_silence=True,
    )


def listed_models(models: Models) -> ListedModels:
    return {"models": [_listed_model(model, model is models.default) for model in models.all]}


def _listed_model(model: Model, is_default: bool) -> ListedModel:
    listed = ListedModel(id=model.id, name=model.name, is_default=is_default)
    if model.speakers:
        listed["available_speakers"] = [{"id": speaker.id, "name": speaker.name} for speaker in model.speakers]
    return listed


def credits(rows: Sequence[Credit]) -> Credits:
    """Whole credits. Parts of a credit add up over the rows, so that the rows still sum up to the total."""
    total = 0
    listed: list[ListedCredit] = []
    for row in rows:
        whole_before = total // MILLI
        total += row.remaining
        listed.append(
            {
                "id": row.id,
                "remaining_amount": total // MILLI - whole_before,
                "expires_at": rfc3339_nano(row.expires_at),
                "type": credit_type(row.type),
            }
        )
    return {"total_remaining_credits": total // MILLI, "credits": listed}


def credit_type(name: str) -> CreditType:
    if known := _CREDIT_TYPES.get(name):
        return known
    return CreditType(id=own_id(f"credit type {name}"), name=name, amount=0, description="")


def outputs(
    found: Page[Output], total: int | None, models: Models, speakers: Mapping[str, Speaker], link_to: LinkTo
) -> Outputs:
    """A page. `total` is None when a cursor was given; `next` is there only when more follow.

    `speakers` are those of the `unlisted_voices`, by the id of the voice, as far as they are still there.
    """
    page = Outputs(outputs=[listed_output(output, models, speakers, link_to) for output in found.items])
    if total is not None:
        page = {"total_count": total, **page}
    if found.has_more and found.items:
        page["next"] = rfc3339_nano(found.items[-1].created_at)
    return page


def unlisted_voices(items: Sequence[Output], models: Models) -> set[str]:
    """The voices of the outputs that came through other APIs, or were made with none of the models' speakers."""
    return {_voice_of(output) for output in items if _listed_speaker(output, models) is None}


def listed_output(output: Output, models: Models, speakers: Mapping[str, Speaker], link_to: LinkTo) -> ListedOutput:
    settings, speaker = _how_it_was_made(output, models, speakers)
    nested = _nested(output, link_to(output))
    return {
        **nested,
        "voiceover": _voiceover(output, nested, settings, speaker),
        "denoise_audio": settings["denoise_audio"],
        "remove_silence": settings["remove_silence"],
    }


def _nested(output: Output, url: str) -> NestedOutput:
    return NestedOutput(
        id=output.id,
        audio_file_url=url,
        audio_array=[np.float32(level) for level in output.waveform],
        audio_duration=np.float32(output.duration),
        is_favorited=output.is_favorited,
        was_auto_submitted=output.was_auto_submitted,
        is_public=False,
    )


def _voiceover(output: Output, nested: NestedOutput, settings: Settings, speaker: Speaker) -> Voiceover:
    job = output.job
    times = Times()
    if job.started_at:
        times["started_at"] = rfc3339_nano(job.started_at)
    if job.finished_at:
        times["completed_at"] = rfc3339_nano(job.finished_at)
    return {
        "id": _as_uuid(job.id),
        "seed": settings["seed"],
        "temperature": settings["temperature"],
        "status": "succeeded",
        "model_id": settings["model_id"],
        "created_at": rfc3339_nano(output.created_at),
        "updated_at": rfc3339_nano(output.updated_at),
        **times,
        "is_favorited": output.is_favorited,
        "outputs": [nested],
        "prompt": {"id": output.prompt_id, "text": output.text},
        "was_auto_submitted": output.was_auto_submitted,
        "denoise_audio": settings["denoise_audio"],
        "remove_silence": settings["remove_silence"],
        "speaker": {"id": speaker.id, "name": speaker.name, "locale": speaker.locale},
    }


def _as_uuid(job_id: str) -> str:
    """Jobs of other APIs may have ids of another form."""
    try:
        return str(uuid.UUID(job_id))
    except ValueError:
        return own_id(job_id)


def _how_it_was_made(output: Output, models: Models, speakers: Mapping[str, Speaker]) -> tuple[Settings, Speaker]:
    """In Stablecog's words also for what came through another API."""
    voice_id = _voice_of(output)
    if output.job.api == API:
        settings = read_settings(output.settings)
        gone = Speaker(settings["speaker_id"], voice_id, "", voice_id)
        own = speakers.get(voice_id, gone)
        return settings, _listed_speaker(output, models) or (own if own.id == gone.id else gone)
    speaker = speakers.get(voice_id) or own_speaker(voice_id, "")
    return _foreign_settings(output.job.request, speaker, models), speaker


def _listed_speaker(output: Output, models: Models) -> Speaker | None:
    return models.speaker(output.settings["speaker_id"]) if output.job.api == API else None


def _voice_of(output: Output) -> str:
    return str(output.job.request.get("voice_id", ""))


def _foreign_settings(request: dict[str, Any], speaker: Speaker, models: Models) -> Settings:
    return Settings(
        model_id=models.all[-1].id,
        speaker_id=speaker.id,
        temperature=np.float32(request.get("temperature", 0)),
        seed=int(request.get("seed", 0)),
        denoise_audio=bool(request.get("denoise", False)),
        remove_silence=bool(request.get("remove_silence", False)),
    )
