"""Dubs for accounts: accept, charge, follow, change single lines, dub anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from myna.accounts.schemas import Account, Caller, key_of, owner_of
from myna.db.session import Database
from myna.dubbing import pricing
from myna.dubbing.checks import RequestChecks
from myna.dubbing.documents import as_documents
from myna.dubbing.editing import changed_line, new_line, revoiced, with_script
from myna.dubbing.files import DubFiles
from myna.dubbing.repository import DubRepository
from myna.dubbing.schemas import Dub, DubbedLine, DubFile, DubRequest, DubTarget, LineEdit, Quote
from myna.dubbing.sources import Sources
from myna.dubbing.wording import text_lines
from myna.dubbing.workflow import dub as dub_workflow
from myna.errors import Conflict, InvalidRequest, NotFound
from myna.jobs.schemas import NewJob
from myna.jobs.service import JobService
from myna.kit import clock, ids
from myna.kit.finishing import to_the_end
from myna.kit.pagination import Cursor, Page
from myna.outputs.service import OutputService
from myna.settings import Settings
from myna.speech.service import DurableWork

QUEUE = "dubs"
_BETWEEN_LOOKS = 0.25
"""Seconds between two looks at a dub that is waited for."""
_LONGEST_NAME = 200


class DubbingService:
    """Everything that an API asks for in matters of dubbing."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        jobs: JobService,
        outputs: OutputService,
        checks: RequestChecks,
        sources: Sources,
        files: DubFiles,
        work: DurableWork,
    ) -> None:
        self._settings = settings
        self._database = database
        self._jobs = jobs
        self._outputs = outputs
        self._checks = checks
        self._sources = sources
        self._files = files
        self._work = work

    async def check(self, caller: Caller | Account, request: DubRequest) -> DubRequest:
        """Raises whatever is wrong with a request, before anything is sent or charged. Returns it with normal tags.

        Raises `InvalidRequest`, `VoiceNotFound`, and `Unsupported` where no engine recognises or translates what is
        asked for; it says what to install, or to send instead.
        """
        return await self._checks.check(caller, request)

    async def create(  # noqa: PLR0913 - the facts of one job, by name
        self,
        caller: Caller | Account,
        request: DubRequest,
        *,
        api: str,
        base_url: str,
        source: bytes | AsyncIterator[bytes] | None = None,
        job_id: str | None = None,
        name: str = "",
        details: dict[str, Any] | None = None,
        price_per_second: int | None = None,
    ) -> Dub:
        """Check the request, hold its price, record the dub and leave its job to the queue.

        `source` is the file when the request names no `source_url`: it is stored and looked at here, so what is wrong
        with it is said at once; of an address, the beginning of the file is. A source to fetch is held for as
        `dub_estimate_seconds` long; the job holds the real price once it has it. `price_per_second` is in milli-credits
        for each language, by default the setting.

        `details["output"]` may name the first language's output: `{"id": …, "file_name": …, "settings": …}`. The same
        `job_id` again is the same dub. Not to be called inside a transaction. Nothing is charged, and nothing stays
        stored, on refusal. Raises what `check` raises, `UnsupportedMedia`, `BodyTooLarge`, `InsufficientCredits`,
        `QueueFull`.
        """
        dub_id = job_id or ids.new_uuid()
        if earlier := await self._find(dub_id):
            return _own(earlier, owner_of(caller).id)
        if (source is None) == (request.source_url is None):
            raise InvalidRequest("Send either a file or the address of one.", field="source")
        request = await self.check(caller, request)
        known: Mapping[str, Any] = {}
        file_name = request.file_name or name
        if request.source_url is not None:
            said = await self._sources.announce(request.source_url)
            file_name = file_name or said
        if source is not None:
            known = await self._sources.receive(owner_of(caller).id, dub_id, source, request)
        per_second = self._per_second(price_per_second)
        now = clock.now()
        seconds = known.get("duration", self._settings.dub_estimate_seconds)
        price = pricing.first_price(seconds, request, per_second)
        new = _new_job(caller, dub_id, dub_id, api=api, base_url=base_url, price=price, name=name, details=details)
        try:
            async with self._database.transaction() as connection:
                job = await self._jobs.accept(new)
                made = Dub(
                    id=dub_id,
                    account_id=owner_of(caller).id,
                    job=job,
                    api=api,
                    name=_plain_name(file_name),
                    request=request,
                    source=known,
                    source_language=request.source_language,
                    speakers=(),
                    lines=(),
                    targets=tuple(DubTarget(language, (), {}, None) for language in request.target_languages),
                    stages={},
                    price_per_second=per_second,
                    created_at=now,
                    updated_at=now,
                )
                await DubRepository(connection).insert(made)
                await self._database.after_commit(lambda: self._begin(job.id))
        except BaseException:
            await to_the_end(self._files.remove_unrecorded(owner_of(caller).id, dub_id))
            raise
        return made

    async def get(self, account_id: str, dub_id: str) -> Dub:
        """Raises `NotFound`, also for a deleted one and for that of another account."""
        async with self._database.reading() as connection:
            dub = await DubRepository(connection).live(account_id, dub_id)
        if dub is None:
            raise NotFound("There is no such dub, or it belongs to somebody else.")
        return dub

    async def of_job(self, account_id: str, job_id: str) -> Dub:
        """The dub that a job works on, or worked on. Raises `NotFound`."""
        job = await self._jobs.get(account_id, job_id)
        return await self.get(account_id, str(job.request.get("dub_id", job_id)))

    async def list(self, account_id: str, *, after: Cursor | None = None, limit: int = 50) -> Page[Dub]:
        """The newest first. `after` is the position of the last one of the page before."""
        async with self._database.reading(long=True) as connection:
            found = await DubRepository(connection).page(account_id, after, limit + 1)
        return Page(found[:limit], has_more=len(found) > limit)

    async def lines(self, account_id: str, dub_id: str, language: str) -> tuple[DubbedLine, ...]:
        """What is said in one language, as far as it is known: before its texts are, what is said in the source.
        Raises `NotFound`."""
        dub = await self.get(account_id, dub_id)
        return _target(dub, language).lines or tuple(new_line(line, "") for line in dub.lines)

    async def file(self, account_id: str, dub_id: str, language: str, name: str) -> DubFile:
        """A finished file, by its `FileName`. Raises `NotFound`."""
        found = _target(await self.get(account_id, dub_id), language).files.get(name)
        if found is None:
            raise NotFound(f"This dub has no file `{name[:40]}` in this language.")
        return found

    async def edit_line(
        self, caller: Caller | Account, dub_id: str, language: str, number: int, change: LineEdit
    ) -> DubbedLine:
        """Change the text, speaker, voice or timing of a line. Nothing is spoken until `redub`.

        Raises `NotFound`, `InvalidRequest`, `VoiceNotFound`, and `Conflict` while a job works on the dub.
        """
        found = await self.get(owner_of(caller).id, dub_id)
        await self._checks.check_voice(caller, change.voice_id, language)
        async with self._database.transaction() as connection:
            dub, repository = await self._locked(DubRepository(connection), found)
            target = _target(dub, language)
            changed = changed_line(dub, target, number, change, self._settings.max_text_characters)
            lines = tuple(changed if line.number == number else line for line in target.lines)
            await repository.change_target(dub_id, language, clock.now(), lines=as_documents(lines))
        return changed

    async def send_script(
        self, caller: Caller | Account, dub_id: str, language: str, text: str
    ) -> tuple[DubbedLine, ...]:
        """All lines of a language at once: plain, one for each line of the source, or subtitles. Returns them. Nothing
        is spoken until `redub`, and then only what differs.

        Raises `NotFound`, `InvalidRequest` and `TextTooLong`, and `Conflict` while a job works on the dub.
        """
        found = await self.get(owner_of(caller).id, dub_id)
        script, limit = text_lines(text, field="text"), self._settings.max_text_characters
        async with self._database.transaction() as connection:
            dub, repository = await self._locked(DubRepository(connection), found)
            target = _target(dub, language)
            lines = with_script(dub, target, script, limit) if dub.lines else ()
            if target.lines:
                await repository.change_target(dub_id, language, clock.now(), lines=as_documents(lines))
            request = replace(dub.request, translations={**dub.request.translations, language: text})
            await repository.change(dub_id, clock.now(), request=request.as_json())
        return lines

    async def edit_speaker(
        self,
        caller: Caller | Account,
        dub_id: str,
        speaker: str,
        *,
        name: str | None = None,
        voice_id: str | None = None,
        language: str | None = None,
    ) -> Dub:
        """Name a speaker, or give all their lines, in one language or in all, another voice. Nothing is spoken until
        `redub`.

        Raises `NotFound`, `InvalidRequest`, `VoiceNotFound`, `Unsupported` for a voice that does not speak all these
        languages, and `Conflict` while a job works on the dub.
        """
        found = await self.get(owner_of(caller).id, dub_id)
        for target in found.targets if language is None else (_target(found, language),):
            await self._checks.check_voice(caller, voice_id, target.language)
        async with self._database.transaction() as connection:
            dub, repository = await self._locked(DubRepository(connection), found)
            changed = revoiced(dub, speaker, _plain_name(name or "") or None, voice_id, language)
            speakers, request = as_documents(changed.speakers), changed.request.as_json()
            await repository.change(dub_id, clock.now(), speakers=speakers, request=request)
            for target in changed.targets:
                lines = as_documents(target.lines)
                await repository.change_target(dub_id, target.language, clock.now(), lines=lines)
        return await self.get(owner_of(caller).id, dub_id)

    async def quote(self, account_id: str, dub_id: str) -> Quote:
        """What `redub` would cost now. Raises `NotFound`."""
        dub = await self.get(account_id, dub_id)
        return self._quote(dub)

    async def redub(
        self,
        caller: Caller | Account,
        dub_id: str,
        *,
        api: str,
        base_url: str,
        job_id: str | None = None,
        name: str = "",
        details: dict[str, Any] | None = None,
    ) -> Dub:
        """Speak the changed lines anew, in a further job. All other lines stay as they are, sample for sample.

        A dub that failed goes on where it stopped. The price is that of `quote`. The same `job_id` again is the same
        job. Raises `NotFound`, `InsufficientCredits`, `QueueFull`, and `Conflict` when nothing was changed, while a
        job works on it, and when its files are gone.
        """
        new_id = job_id or ids.new_uuid()
        found = await self.get(owner_of(caller).id, dub_id)
        if found.job.id == new_id:
            return found
        await self._files.require_source(found)
        async with self._database.transaction() as connection:
            dub, repository = await self._locked(DubRepository(connection), found)
            quote = self._quote(dub)
            if not any(quote.lines.values()) and all(target.files for target in dub.targets):
                raise Conflict("No line of this dub was changed since it was made.")
            new = _new_job(
                caller, new_id, dub.id, api=api, base_url=base_url, price=quote.price, name=name, details=details
            )
            job = await self._jobs.accept(new)
            await repository.change(dub.id, clock.now(), job_id=job.id, stages={})
            for target in dub.targets:
                await repository.change_target(dub.id, target.language, clock.now(), draft={})
            await self._database.after_commit(lambda: self._begin(job.id))
        return await self.get(owner_of(caller).id, dub_id)

    async def cancel(self, account_id: str, dub_id: str) -> Dub:
        """Stop the job of a dub: its stage ends within a second. Nothing is charged.

        A dub that was never finished leaves no files; one that was is as before, with its changes. Raises `NotFound`,
        and `Conflict` when the job has ended otherwise.
        """
        dub = await self.get(account_id, dub_id)
        await self._jobs.cancel(account_id, dub.job.id)
        return await self.get(account_id, dub_id)

    async def delete(self, account_id: str, dub_id: str) -> None:
        """Remove a dub, its outputs and all its files; its job is canceled if it runs. Raises `NotFound`."""
        dub = await self.get(account_id, dub_id)
        async with self._database.transaction() as connection:
            repository = DubRepository(connection)
            outputs = [output for row in await repository.rows(dub_id) for output in row.outputs]
            if not await repository.mark_deleted(account_id, dub_id, clock.now()):
                raise NotFound
            if not dub.job.finished:
                await self._cancel_unless_ended(account_id, dub.job.id)
            await self._jobs.delete(account_id, dub.job.id)
            await self._outputs.delete(account_id, outputs)
            await self._database.after_commit(self._remove_quietly)

    async def wait(self, account_id: str, dub_id: str, timeout: float) -> Dub:
        """The dub once its job has ended. Raises `TimeoutError` after `timeout` seconds; the job goes on."""
        async with asyncio.timeout(timeout):
            while True:
                dub = await self.get(account_id, dub_id)
                if dub.job.finished:
                    return dub
                await asyncio.sleep(_BETWEEN_LOOKS)

    async def resume_unstarted(self, older_than: float = 10.0) -> int:
        """Queue the jobs that were accepted by a process that died before it could do so."""
        jobs = await self._jobs.unstarted("dub", older_than)
        for job in jobs:
            await self._begin(job.id)
        return len(jobs)

    async def remove_left(self) -> int:
        """Remove the files of deleted, canceled and old failed dubs, and what dead nodes left. Returns how many."""
        return await self._files.remove_left()

    async def _begin(self, job_id: str) -> None:
        await self._work.enqueue(QUEUE, dub_workflow, job_id)

    async def _find(self, dub_id: str) -> Dub | None:
        async with self._database.reading() as connection:
            return await DubRepository(connection).find(dub_id)

    async def _locked(self, repository: DubRepository, found: Dub) -> tuple[Dub, DubRepository]:
        """As it is now; nobody else changes it until the transaction ends. Raises `Conflict` while a job runs."""
        await repository.lock(found.id)
        dub = await repository.live(found.account_id, found.id)
        if dub is None:
            raise NotFound
        if not dub.job.finished:
            raise Conflict("This dub is being worked on. Wait until its job has ended, or cancel it.")
        return dub, repository

    async def _cancel_unless_ended(self, account_id: str, job_id: str) -> None:
        try:
            await self._jobs.cancel(account_id, job_id)
        except Conflict:
            return  # it ended in this very moment

    async def _remove_quietly(self) -> None:
        await self._files.remove_deleted()

    def _quote(self, dub: Dub) -> Quote:
        per_second = self._per_second(dub.price_per_second)
        return pricing.quote(dub, per_second, self._settings.dub_estimate_seconds)

    def _per_second(self, given: int | None) -> int:
        if self._settings.prices == "off":
            return 0
        return self._settings.dub_millicredits_per_second if given is None else given


def _new_job(
    caller: Caller | Account,
    job_id: str,
    dub_id: str,
    *,
    api: str,
    base_url: str,
    price: int,
    name: str,
    details: dict[str, Any] | None,
) -> NewJob:
    return NewJob(
        id=job_id,
        account_id=owner_of(caller).id,
        key_id=key_of(caller),
        kind="dub",
        api=api,
        request={"dub_id": dub_id},
        price=price,
        name=name,
        base_url=base_url,
        details=details or {},
    )


def _own(dub: Dub, account_id: str) -> Dub:
    if dub.account_id != account_id:
        raise Conflict("There is a dub with this id already.")
    return dub


def _target(dub: Dub, language: str) -> DubTarget:
    target = dub.target(language)
    if target is None:
        known = ", ".join(target.language for target in dub.targets)
        raise NotFound(f"This dub is not made in `{language[:40]}`. It is made in: {known}.")
    return target


def _plain_name(name: str) -> str:
    """Without folders and control characters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable()).strip(" .")[:_LONGEST_NAME]
