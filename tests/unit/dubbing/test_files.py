"""Files of dubs in the storage and on this node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from myna.app import Node
from myna.dubbing.files import DubFiles
from myna.errors import BodyTooLarge, NotFound

PLACE = ("account", "dub")


@pytest.fixture
def files(node: Node) -> DubFiles:
    services = node.services
    return DubFiles(services.settings, services.storage, services.database, services.jobs)


def made(files: DubFiles, content: bytes = b"sound") -> Path:
    path = files.scratch("dub")
    path.write_bytes(content)
    return path


async def test_a_kept_file_is_stored_and_lies_in_the_folder(files: DubFiles, node: Node) -> None:
    place = await files.keep(*PLACE, "es/job/mix.flac", made(files))
    assert place.read_bytes() == b"sound"
    assert await node.services.storage.get("dubs/account/dub/es/job/mix.flac") == b"sound"
    assert await files.has(*PLACE, "es/job/mix.flac")
    assert await files.size(*PLACE, "es/job/mix.flac") == 5


async def test_a_node_that_has_it_not_fetches_it_once(files: DubFiles) -> None:
    await files.put(*PLACE, "segments.json", b"[]")
    first = await files.local(*PLACE, "segments.json")
    await files.remove(*PLACE, "segments.json")
    assert await files.local(*PLACE, "segments.json") == first
    assert first.read_bytes() == b"[]"


async def test_what_is_nowhere_is_not_found_and_leaves_nothing(files: DubFiles) -> None:
    with pytest.raises(NotFound):
        await files.local(*PLACE, "nothing")
    assert not await files.has(*PLACE, "nothing")
    assert not [path for path in files.scratch("dub").parent.iterdir()]


async def test_too_much_is_refused_and_leaves_nothing(files: DubFiles) -> None:
    files._max_bytes = 10

    async def blocks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"12345"

    with pytest.raises(BodyTooLarge):
        await files.receive("dub", blocks())
    assert not list(files.scratch("dub").parent.iterdir())


async def test_what_a_job_made_goes_alone(files: DubFiles) -> None:
    for name in ("source", "takes/a.flac", "es/one/mix.flac", "es/two/mix.flac"):
        await files.put(*PLACE, name, b"x")
    await files.remove_job(*PLACE, "one")
    assert [
        await files.has(*PLACE, name) for name in ("source", "takes/a.flac", "es/one/mix.flac", "es/two/mix.flac")
    ] == [
        True,
        True,
        False,
        True,
    ]


async def test_all_of_a_dub_goes_and_nothing_of_another(files: DubFiles) -> None:
    await files.keep(*PLACE, "source", made(files))
    await files.put("account", "dub2", "source", b"x")
    assert await files.remove_all(*PLACE) == 1
    assert not await files.has(*PLACE, "source")
    assert await files.has("account", "dub2", "source")


async def test_files_of_no_dub_stay_for_an_hour(files: DubFiles) -> None:
    await files.put(*PLACE, "source", b"x")
    await files.remove_left()
    assert await files.has(*PLACE, "source")
