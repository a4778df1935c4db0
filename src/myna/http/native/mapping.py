"""Our words on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from myna.accounts.schemas import Account, ApiKey
from myna.credits.schemas import MILLI, Credit, LedgerEntry
from myna.engines.base import Capabilities
from myna.engines.denoising import DenoisingCapabilities
from myna.engines.recognition import RecognitionCapabilities
from myna.engines.separation import SeparationCapabilities
from myna.engines.translation import TranslationCapabilities
from myna.errors import InvalidRequest
from myna.http.native import forms, schemas
from myna.jobs.schemas import Job
from myna.kit.pagination import Cursor, Page
from myna.outputs.schemas import Output, OutputFilter
from myna.speech.schemas import SpeechRequest
from myna.speech.verification import VERIFICATION
from myna.voices.portable import PortableVoice
from myna.voices.schemas import ClonedVoice, Consent, NewVoice, Removed, Voice, VoiceChange
from myna.webhooks.schemas import Delivery, Endpoint

if TYPE_CHECKING:
    from myna.settings import Settings


def credits_of(milli: int) -> float:
    return milli / MILLI


def speech_request(body: schemas.SpeechBody, voice: Voice) -> SpeechRequest:
    return SpeechRequest(
        text=body.text,
        voice_id=voice.id,
        language=body.language,
        speed=body.speed,
        temperature=body.temperature,
        stability=body.stability,
        similarity=body.similarity,
        dialect=body.dialect,
        seed=body.seed,
        normalise=body.normalise,
        denoise=body.denoise,
        remove_silence=body.remove_silence,
        loudness=body.loudness,
        format=body.format,
        sample_rate=body.sample_rate,
        verify=body.verify,
    )


def price(text: str, settings: Settings) -> int:
    """Milli-credits."""
    return len(text) * settings.openai_millicredits_per_character


def job(found: Job) -> schemas.Job:
    return schemas.Job(
        id=found.id,
        kind=found.kind,
        api=found.api,
        name=found.name,
        status=found.status,
        stage=found.stage,
        progress=found.progress,
        price=credits_of(found.price),
        charged=credits_of(found.charged),
        error=job_error(found),
        created_at=found.created_at,
        started_at=found.started_at,
        finished_at=found.finished_at,
    )


def job_error(found: Job) -> schemas.JobError | None:
    if found.error_code is None:
        return None
    return schemas.JobError(code=found.error_code, message=found.error_message or "")


def job_with_outputs(found: Job, outputs: list[schemas.Output]) -> schemas.JobWithOutputs:
    return schemas.JobWithOutputs(**job(found).model_dump(), outputs=outputs)


def job_page(page: Page[Job]) -> schemas.Page[schemas.Job]:
    last = page.items[-1] if page.has_more and page.items else None
    return schemas.Page(data=[job(item) for item in page.items], next_cursor=_after(last))


def output_filter(query: schemas.OutputQuery) -> OutputFilter:
    return OutputFilter(
        created_from=query.created_from,
        created_to=query.created_to,
        is_favorited=query.favorite,
        api=query.api,
        search=query.search or None,
    )


def output(found: Output, url: str, expires_at: datetime) -> schemas.Output:
    return schemas.Output(
        id=found.id,
        job_id=found.job.id,
        url=url,
        url_expires_at=expires_at,
        file_name=found.file_name,
        media_type=found.media_type,
        size=found.size,
        duration=found.duration,
        sample_rate=found.sample_rate,
        waveform=list(found.waveform),
        text=found.text,
        settings=found.settings,
        verification=found.settings.get(VERIFICATION),
        favorite=found.is_favorited,
        created_at=found.created_at,
    )


def voice(found: Voice) -> schemas.Voice:
    return schemas.Voice(
        id=found.id,
        name=found.name,
        engine=found.engine,
        languages=list(found.languages),
        gender=found.gender,
        description=found.description,
        kind=found.kind,
    )


@dataclass(frozen=True, slots=True)
class VoiceLinks:
    """Where the files of a cloned voice are downloaded, until when."""

    reference: str | None
    preview: str | None
    expire_at: datetime


def own_voice(found: ClonedVoice, links: VoiceLinks) -> schemas.OwnVoice:
    return schemas.OwnVoice(
        id=found.id,
        record_id=found.record_id,
        name=found.name,
        engine=found.engine,
        quality=found.quality,
        languages=list(found.languages),
        dialects=list(found.dialects),
        gender=found.gender,
        age=found.age,
        description=found.description,
        avatar_url=found.avatar_url,
        stability=found.stability,
        similarity=found.similarity,
        transcript=found.transcript,
        report=dict(found.report),
        reference_hash=found.reference_hash,
        preview_verified=found.preview_verified,
        consent=schemas.ConsentFacts(
            affirmed_at=found.affirmed_at, affirmed_by=found.affirmed_by, consent_id=found.consent_id
        ),
        reference_url=links.reference,
        preview_url=links.preview,
        urls_expire_at=links.expire_at,
        api=found.api,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


def preview_request(form: forms.PreviewForm, voice: Voice) -> SpeechRequest:
    return SpeechRequest(
        text=form.text,
        voice_id=voice.id,
        language=form.text_language,
        speed=form.speed,
        stability=form.stability,
        similarity=form.similarity,
        format=form.format,
    )


def new_voice(form: forms.NewVoiceForm) -> NewVoice:
    return NewVoice(
        name=form.name,
        description=form.description,
        gender=form.gender,
        age=form.age,
        languages=tuple(form.languages),
        dialects=tuple(form.dialects),
        avatar_url=form.avatar_url,
        stability=form.stability,
        similarity=form.similarity,
        consent_id=form.consent_id,
    )


def imported_voice(form: forms.ImportForm, file: PortableVoice) -> NewVoice:
    """What the file says, but for the name, and for the consent, which is asked for again."""
    return replace(file.new, name=form.name or file.new.name, consent_id=form.consent_id)


def voice_change(body: schemas.VoiceChange) -> VoiceChange:
    """What is null is emptied, what is left out stays. Raises `InvalidRequest` when nothing is to be changed."""
    if not body.model_fields_set:
        raise InvalidRequest("Nothing is to be changed: send at least one field.")
    cleared = {name for name in body.model_fields_set if getattr(body, name) is None}
    return VoiceChange(
        name=body.name,
        description=body.description,
        gender=body.gender,
        age=body.age,
        languages=None if body.languages is None else tuple(body.languages),
        dialects=None if body.dialects is None else tuple(body.dialects),
        avatar_url=body.avatar_url,
        stability=body.stability,
        similarity=body.similarity,
        cleared=frozenset(cleared),
    )


def deleted_voice(removed: Removed) -> schemas.DeletedVoice:
    return schemas.DeletedVoice(id=removed.voice_id, removed=list(removed.parts))


def voice_consent(found: Consent) -> schemas.VoiceConsent:
    return schemas.VoiceConsent(
        id=found.id,
        name=found.name,
        language=found.language,
        affirmed_by=found.affirmed_by,
        created_at=found.created_at,
    )


def consent_page(page: Page[Consent]) -> schemas.Page[schemas.VoiceConsent]:
    last = page.items[-1] if page.has_more and page.items else None
    return schemas.Page(data=[voice_consent(item) for item in page.items], next_cursor=_after(last))


def _said_by_all(
    able: Capabilities
    | RecognitionCapabilities
    | TranslationCapabilities
    | SeparationCapabilities
    | DenoisingCapabilities,
) -> dict[str, Any]:
    return {
        "name": able.name,
        "available": True,
        "reason": None,
        "description": able.description,
        "version": able.version,
        "licence": able.licence,
    }


def engine(able: Capabilities, models: Mapping[str, str]) -> schemas.Engine:
    """`models` are those by which voices speak, with their engines."""
    return schemas.Engine(
        **_said_by_all(able),
        kind="speech",
        languages=list(able.languages),
        sample_rate=able.sample_rate,
        streaming=able.streaming,
        word_timestamps=able.word_timestamps,
        cloning=able.cloning,
        blending=able.blending,
        one_language=able.one_language,
        dialects=list(able.dialects),
        models=[name for name, engine in models.items() if engine == able.name],
        options=sorted(able.options),
    )


def recogniser(able: RecognitionCapabilities) -> schemas.Engine:
    options = {"alignment": able.alignment, "detects_language": able.detects_language}
    return schemas.Engine(
        **_said_by_all(able),
        kind="recognition",
        languages=list(able.languages),
        word_timestamps=able.word_timestamps,
        models=list(able.models),
        options=[name for name, honoured in options.items() if honoured],
    )


def separator(able: SeparationCapabilities) -> schemas.Engine:
    return schemas.Engine(**_said_by_all(able), kind="separation", sample_rate=able.sample_rate, stems=list(able.stems))


def denoiser(able: DenoisingCapabilities) -> schemas.Engine:
    return schemas.Engine(**_said_by_all(able), kind="denoising", sample_rate=able.sample_rate)


def translator(able: TranslationCapabilities) -> schemas.Engine:
    options = {"fits_length": able.fits_length, "glossary": able.glossary}
    return schemas.Engine(
        **_said_by_all(able),
        kind="translation",
        languages=sorted({tag for pair in able.pairs for tag in pair}),
        pairs=[list(pair) for pair in able.pairs],
        any_pair=able.any_pair,
        options=[name for name, honoured in options.items() if honoured],
    )


def webhook(endpoint: Endpoint) -> schemas.Webhook:
    return schemas.Webhook(
        id=endpoint.id,
        url=endpoint.url,
        style=endpoint.style,
        events=list(endpoint.events),
        enabled=endpoint.enabled,
        failing_since=endpoint.failing_since,
        created_at=endpoint.created_at,
    )


def webhook_with_secret(endpoint: Endpoint, secret: str | None) -> schemas.WebhookWithSecret:
    return schemas.WebhookWithSecret(**webhook(endpoint).model_dump(), secret=secret)


def delivery(found: Delivery) -> schemas.Delivery:
    return schemas.Delivery(
        id=found.id,
        event_id=found.event_id,
        status=found.status,
        attempts=found.attempts,
        last_status=found.last_status,
        last_error=found.last_error,
        created_at=found.created_at,
        next_attempt_at=found.next_attempt_at,
        delivered_at=found.delivered_at,
    )


def delivery_page(page: Page[Delivery]) -> schemas.Page[schemas.Delivery]:
    last = page.items[-1] if page.has_more and page.items else None
    return schemas.Page(data=[delivery(item) for item in page.items], next_cursor=_after(last))


def account(found: Account) -> schemas.Account:
    return schemas.Account(id=found.id, name=found.name, role=found.role, created_at=found.created_at)


def key(found: ApiKey) -> schemas.Key:
    return schemas.Key(
        id=found.id,
        name=found.name,
        hint=found.hint,
        uses=found.uses,
        spent=credits_of(found.spent),
        created_at=found.created_at,
        last_used_at=found.last_used_at,
        revoked_at=found.revoked_at,
    )


def key_with_token(found: ApiKey, token: str | None) -> schemas.KeyWithToken:
    return schemas.KeyWithToken(**key(found).model_dump(), token=token)


def credit(found: Credit) -> schemas.Credit:
    return schemas.Credit(
        type=found.type,
        amount=credits_of(found.amount),
        remaining=credits_of(found.remaining),
        expires_at=found.expires_at,
    )


def ledger_page(page: Page[LedgerEntry]) -> schemas.Page[schemas.LedgerEntry]:
    last = page.items[-1] if page.has_more and page.items else None
    entries = [
        schemas.LedgerEntry(id=entry.id, kind=entry.kind, amount=credits_of(entry.amount), created_at=entry.created_at)
        for entry in page.items
    ]
    return schemas.Page(data=entries, next_cursor=_after(last))


def _after(last: Job | Delivery | LedgerEntry | Output | Consent | None) -> str | None:
    return Cursor(last.created_at, last.id).encode() if last else None


def output_cursor(page: Page[Output]) -> str | None:
    return _after(page.items[-1]) if page.has_more and page.items else None
