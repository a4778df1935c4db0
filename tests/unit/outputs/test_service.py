"""Outputs: recorded with their job, listed, counted, kept as favourites, deleted with their files."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from myna.accounts.service import AccountService
from myna.credits.service import CreditService
from myna.db.session import Database
from myna.errors import Conflict, NotFound, Unavailable
from myna.jobs.schemas import Job, NewJob
from myna.jobs.service import JobService
from myna.kit import clock, ids
from myna.outputs.schemas import NewOutput, Output, OutputFilter
from myna.outputs.service import OutputService
from myna.settings import Settings
from myna.storage.base import ObjectStorage
from myna.storage.objects import ObjectStoreStorage, open_storage
from myna.webhooks.service import WebhookService


class Scene:
    """Two accounts and what their jobs make."""

    def __init__(self, database: Database, storage: ObjectStorage, configuration: Settings) -> None:
        self.database = database
        self.storage = storage
        self.accounts = AccountService(database, b"secret")
        webhooks = WebhookService(database, configuration)
        self.jobs = JobService(database, CreditService(database), webhooks, self.accounts, configuration)
        self.outputs = OutputService(database, storage)

    async def open(self) -> Scene:
        self.account = (await self.accounts.create_account("Ada")).id
        self.stranger = (await self.accounts.create_account("Grace")).id
        return self

    async def job(self, account_id: str = "", api: str = "native") -> Job:
        return await self.jobs.accept(
            NewJob(ids.new_uuid(), account_id or self.account, None, kind="speech", api=api, request={}, price=0)
        )

    async def output(self, text: str = "Hello", *, api: str = "native", account_id: str = "", **values: Any) -> Output:
        new = described(text, **values)
        await self.storage.put(new.object_key, b"sound")
        return await self.outputs.record(await self.job(account_id, api), new)

    async def listed(self, **where: Any) -> list[str]:
        found = (await self.outputs.list(self.account, OutputFilter(**where))).items
        assert await self.outputs.count(self.account, OutputFilter(**where)) == len(found)
        return [output.text for output in found]

    async def files(self) -> int:
        return len([found async for found in self.storage.list("outputs")])


def described(text: str = "Hello", **values: Any) -> NewOutput:
    output_id = ids.new_uuid()
    given: dict[str, Any] = {
        "id": output_id,
        "object_key": f"outputs/{output_id}.mp3",
        "file_name": "hello.mp3",
        "media_type": "audio/mpeg",
        "size": 5,
        "duration": 1.2345678901234567,
        "sample_rate": 24_000,
        "waveform": tuple(number / 50 for number in range(50)),
        "text": text,
        "settings": {"temperature": 0.7, "speaker": None},
    }
    return NewOutput(**{**given, **values})


@pytest.fixture
async def scene(database: Database, tmp_path: Path) -> Scene:
    return await Scene(database, open_storage("memory://"), Settings(data_dir=tmp_path)).open()


async def test_an_output_is_what_was_recorded(scene: Scene) -> None:
    job = await scene.job(api="stablecog")
    new = described("Grüße an 你好 🎉\n", was_auto_submitted=True)

    output = await scene.outputs.record(job, new)

    assert output.job == job
    assert output.created_at == job.created_at
    assert output.prompt_id == ids.prompt_id("Grüße an 你好 🎉\n")
    assert not output.is_favorited
    for name in NewOutput.__dataclass_fields__:
        assert getattr(output, name) == getattr(new, name)
    assert await scene.outputs.get(scene.account, output.id) == output
    assert await scene.outputs.of_job(job.id) == [output]
    assert (await scene.outputs.list(scene.account)).items == [output]


async def test_recording_again_changes_nothing(scene: Scene) -> None:
    job, new = await scene.job(), described()
    output = await scene.outputs.record(job, new)
    assert await scene.outputs.record(job, replace(new, text="another")) == output
    assert await scene.outputs.count(scene.account) == 1

    with pytest.raises(Conflict):
        await scene.outputs.record(await scene.job(), new)
    assert await scene.outputs.count(scene.account) == 1


async def test_recording_belongs_to_the_transaction_around_it(scene: Scene) -> None:
    job, new = await scene.job(), described()
    with pytest.raises(ValueError, match="undo"):
        async with scene.database.transaction():
            await scene.outputs.record(job, new)
            assert await scene.outputs.count(scene.account) == 1
            raise ValueError("undo")
    assert await scene.outputs.count(scene.account) == 0
    assert await scene.outputs.of_job(job.id) == []


async def test_outputs_of_one_job_have_moments_of_their_own(scene: Scene) -> None:
    job = await scene.job()
    made = [await scene.outputs.record(job, described(str(number))) for number in range(4)]
    assert [output.created_at - job.created_at for output in made] == [
        timedelta(microseconds=number) for number in range(4)
    ]
    assert await scene.outputs.of_job(job.id) == made


async def test_many_outputs_at_once_are_counted_exactly(scene: Scene) -> None:
    job = await scene.job()
    made = await asyncio.gather(*(scene.outputs.record(job, described(str(number))) for number in range(20)))
    assert len({output.created_at for output in made}) == 20
    assert await scene.outputs.count(scene.account) == 20


async def test_strangers_see_nothing(scene: Scene) -> None:
    output = await scene.output()
    for account_id, output_id in ((scene.stranger, output.id), (scene.account, "unknown")):
        with pytest.raises(NotFound):
            await scene.outputs.get(account_id, output_id)
        with pytest.raises(NotFound):
            await scene.outputs.set_favorite(account_id, output_id, True)
        assert await scene.outputs.delete(account_id, [output_id]) == 0
    assert (await scene.outputs.list(scene.stranger)).items == []
    assert await scene.outputs.count(scene.stranger) == 0
    assert await scene.outputs.get(scene.account, output.id) == output
    assert await scene.files() == 1


async def test_favourites_are_kept(scene: Scene) -> None:
    first, second = await scene.output("first"), await scene.output("second")

    favourite = await scene.outputs.set_favorite(scene.account, first.id, True)

    assert favourite.is_favorited
    assert favourite.updated_at > first.updated_at
    assert await scene.outputs.set_favorite(scene.account, first.id, True) == replace(
        favourite, updated_at=(await scene.outputs.get(scene.account, first.id)).updated_at
    )
    assert await scene.listed(is_favorited=True) == ["first"]
    assert await scene.listed(is_favorited=False) == ["second"]
    assert not (await scene.outputs.set_favorite(scene.account, first.id, False)).is_favorited
    assert not second.is_favorited


async def test_pages_go_both_ways(scene: Scene) -> None:
    made = [await scene.output(str(number)) for number in range(7)]

    for order, expected in (("desc", made[::-1]), ("asc", made)):
        seen: list[Output] = []
        after = None
        while True:
            page = await scene.outputs.list(scene.account, after=after, limit=3, order=order)  # type: ignore[arg-type]
            seen += page.items
            after = page.items[-1].created_at
            if not page.has_more:
                break
        assert seen == expected
    exact = await scene.outputs.list(scene.account, limit=7)
    assert (len(exact.items), exact.has_more) == (7, False)


async def test_the_list_can_be_narrowed(scene: Scene) -> None:
    first = await scene.output("A Hello", api="stablecog")
    second = await scene.output("B Goodbye", api="openai", was_auto_submitted=True)
    third = await scene.output("C Hello", api="stablecog")
    everything = ["C Hello", "B Goodbye", "A Hello"]

    assert await scene.listed() == everything
    assert await scene.listed(api="stablecog") == ["C Hello", "A Hello"]
    assert await scene.listed(api="magichour") == []
    assert await scene.listed(was_auto_submitted=True) == ["B Goodbye"]
    assert await scene.listed(prompt_id=first.prompt_id) == ["A Hello"]
    assert await scene.listed(created_from=second.created_at) == everything[:2]
    assert await scene.listed(created_to=second.created_at) == everything[1:]
    assert await scene.listed(created_from=second.created_at, created_to=second.created_at) == ["B Goodbye"]
    assert await scene.listed(created_from=third.created_at + timedelta(microseconds=1)) == []
    assert await scene.listed(api="stablecog", search="hello", created_to=second.created_at) == ["A Hello"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("hello", True),
        ("LO WO", True),
        ("größe", True),
        ("GRÖSSE", False),
        ("100%", True),
        ("100_", False),
        ("%", True),
        ("a_b", True),
        ("\\", True),
        ("'; --", False),
        ("zzz", False),
        ("", True),
    ],
)
async def test_a_search_takes_every_character_as_it_is(scene: Scene, search: str, found: bool) -> None:
    await scene.output("Hello World, Größe 100% a_b c:\\d")
    assert bool(await scene.listed(search=search)) == found


async def test_a_deleted_output_and_its_file_are_gone(scene: Scene) -> None:
    kept, gone, also = [await scene.output(text) for text in ("kept", "gone", "also gone")]
    await scene.outputs.set_favorite(scene.account, gone.id, True)

    assert await scene.outputs.delete(scene.account, [gone.id, also.id, gone.id, "unknown"]) == 2
    assert await scene.outputs.delete(scene.account, [gone.id, also.id]) == 0
    assert await scene.outputs.delete(scene.account, []) == 0

    assert await scene.listed() == ["kept"]
    assert await scene.listed(is_favorited=True) == []
    assert await scene.outputs.count(scene.account) == 1
    assert await scene.outputs.of_job(gone.job.id) == []
    with pytest.raises(NotFound):
        await scene.outputs.get(scene.account, gone.id)
    with pytest.raises(NotFound):
        await scene.outputs.set_favorite(scene.account, gone.id, True)
    with pytest.raises(NotFound):
        await scene.storage.get(gone.object_key)
    assert await scene.storage.get(kept.object_key) == b"sound"


async def test_one_output_is_deleted_once_however_many_try(scene: Scene) -> None:
    made = [await scene.output(str(number)) for number in range(5)]
    chosen = [output.id for output in made]
    deleted = await asyncio.gather(
        *(scene.outputs.delete(scene.account, chosen[::step]) for step in (1, -1, 1, -1)), return_exceptions=True
    )
    assert sum(count for count in deleted if isinstance(count, int)) == 5
    assert await scene.outputs.count(scene.account) == 0
    assert await scene.files() == 0


async def test_the_file_stays_when_the_deletion_is_undone(scene: Scene) -> None:
    output = await scene.output()
    with pytest.raises(ValueError, match="undo"):
        async with scene.database.transaction():
            assert await scene.outputs.delete(scene.account, [output.id]) == 1
            raise ValueError("undo")
    assert await scene.storage.get(output.object_key) == b"sound"
    assert await scene.outputs.count(scene.account) == 1


async def test_files_that_could_not_be_removed_are_removed_later(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(self: ObjectStorage, *keys: str) -> None:
        raise Unavailable

    output, other = await scene.output(), await scene.output()
    with monkeypatch.context() as patch:
        patch.setattr(ObjectStoreStorage, "delete", away)
        assert await scene.outputs.delete(scene.account, [output.id]) == 1
    assert await scene.listed() == ["Hello"]
    assert await scene.files() == 2

    assert await scene.outputs.remove_deleted_files() == 1
    assert await scene.outputs.remove_deleted_files() == 0
    assert await scene.files() == 1
    assert await scene.storage.get(other.object_key) == b"sound"


async def test_what_a_deleted_job_makes_is_thrown_away(scene: Scene) -> None:
    job, new = await scene.job(), described()
    await scene.jobs.start(job.id, "node 1")
    await scene.jobs.delete(scene.account, job.id)
    await scene.storage.put(new.object_key, b"sound")

    async with scene.database.transaction():
        done = await scene.jobs.succeed(job.id)
        await scene.outputs.record(done, new)
        assert await scene.files() == 1

    assert done.status == "succeeded"
    assert await scene.files() == 0
    assert await scene.outputs.of_job(job.id) == []
    assert await scene.outputs.count(scene.account) == 0


async def test_counts_without_a_filter_agree_with_the_rows(scene: Scene) -> None:
    for api, number in (("stablecog", 3), ("openai", 2)):
        for _ in range(number):
            await scene.output(api=api)
    await scene.output(api="openai", account_id=scene.stranger)
    gone = await scene.output(api="openai")
    await scene.outputs.delete(scene.account, [gone.id])

    for where in (OutputFilter(), OutputFilter(api="stablecog"), OutputFilter(api="openai"), OutputFilter(api="x")):
        rows = await scene.outputs.count(scene.account, replace(where, created_to=clock.now()))
        assert await scene.outputs.count(scene.account, where) == rows
    assert await scene.outputs.count(scene.account) == 5


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40))
async def test_every_text_is_found_by_itself(scene: Scene, text: str) -> None:
    output = await scene.output(text)
    found = await scene.outputs.list(scene.account, OutputFilter(search=text), limit=1)
    assert found.items == [output]
    assert found.items[0].text == text
