"""Taking an order of the voice cloner: what can be checked at once is checked, the rest happens in the job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from myna.accounts.schemas import Caller
from myna.errors import BodyTooLarge, ConsentRequired, InvalidRequest, NotFound, Unsupported
from myna.http.magichour import mapping
from myna.http.magichour.errors import OUR_FIELDS, UnprocessableEntity
from myna.http.magichour.projects import find_project
from myna.http.magichour.references import Address, OwnLink, Project, Upload, read_reference
from myna.http.magichour.schemas import VoiceClonerBody
from myna.http.services import Services
from myna.voices.own import spoken_languages
from myna.voices.schemas import REFERENCE_VOICE, Voice


def check_policy(services: Services) -> None:
    """Raises `ConsentRequired` when a clone needs what this API has no field for."""
    if services.settings.consent == "recording":
        raise ConsentRequired(
            "This server asks for a consent recording of the speaker, and this API has no field for one. Make the "
            "voice with `myna clone`, POST /myna/v1/voices or POST /v1/audio/voices, then speak with it by its name."
        )


async def find_source(services: Services, body: VoiceClonerBody, caller: Caller, base_url: str) -> dict[str, str]:
    """Where the job finds its recording.

    Raises `InvalidRequest`, `NotFound` (also for what belongs to another account) and `UnprocessableEntity`.
    """
    reference = read_reference(body.assets.audio_file_path, caller.account.id, base_url)
    if isinstance(reference, Address):
        return {"url": reference.url}
    key = await _object_key(services, reference, caller)
    size = (await services.storage.head(key)).size
    if size > services.settings.max_reference_bytes:
        limit = services.settings.max_reference_bytes
        raise BodyTooLarge(f"The recording has {size} bytes; this server takes {limit}.")
    return {"object_key": key}


@contextmanager
def unable_to_clone() -> Iterator[None]:
    """What is wrong with our request, and not with the client's, in the vendor's words."""
    try:
        yield
    except InvalidRequest as error:
        if isinstance(error, Unsupported) or error.field in OUR_FIELDS:
            raise UnprocessableEntity(f"Unable to clone voice: {error.message}") from None
        raise


async def _object_key(services: Services, reference: Upload | Project | OwnLink, caller: Caller) -> str:
    match reference:
        case Upload(object_key):
            return object_key
        case OwnLink(token):
            return services.links.open_download(token)
        case Project(project_id):
            return await _sound_of(services, project_id, caller)


async def _sound_of(services: Services, project_id: str, caller: Caller) -> str:
    job = await find_project(services, project_id, caller)
    if job.deleted_at is not None:
        raise NotFound
    if job.status != "succeeded":
        status = mapping.STATUSES[job.status]
        raise UnprocessableEntity(f"Unable to clone voice: the project {project_id} has no sound, it is `{status}`.")
    outputs = await services.outputs.of_job(job.id)
    if not outputs:
        raise NotFound
    return outputs[0].object_key


def voice_to_come(services: Services) -> Voice:
    """As much of the voice as is known before there is one. Raises `Unsupported` when no engine here clones."""
    able = services.cloning.engine()
    languages = spoken_languages((), None, able)
    return Voice(id=REFERENCE_VOICE, name="", engine=able.name, languages=languages, gender="neutral", kind="cloned")
