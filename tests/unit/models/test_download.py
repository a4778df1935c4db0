"""Servers and networks that misbehave in further ways than those of `test_pull.py`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from myna.errors import BrokenResult, Forbidden, NotFound, StartupError, Unavailable
from myna.models.answers import Interrupted, extent
from myna.models.download import Downloader, Patience
from myna.models.hub import Hub, Source
from tests.fixtures.hub import BLOCK, ModelHub, sha256
from tests.unit.models.conftest import QUICK, Told

FILE = "weights.onnx"


class Fetching:
    """Fetches the large file of a hub, with what the catalogue knows of it, into a folder."""

    def __init__(self, hub: ModelHub, folder: Path, told: Told) -> None:
        self.hub, self.target, self.told = hub, folder / FILE, told
        self.part = folder / f"{FILE}.part"

    @property
    def data(self) -> bytes:
        return self.hub.files[FILE]

    def __call__(self, pinned: bool = True, sized: bool = True, patience: Patience = QUICK) -> bytes:
        pin, size = sha256(self.data) if pinned else None, len(self.data) if sized else None
        url = f"{self.hub.url}/somebody/tiny/resolve/main/{FILE}"
        downloader = Downloader(Hub(self.hub.url), self.told, patience)
        try:
            downloader.fetch(Source(url, self.hub.url, True, sha256=pin, size_bytes=size), self.target)
        finally:
            downloader.close()
        return self.target.read_bytes()

    @property
    def ranges(self) -> list[str]:
        return self.hub.ranges_of(FILE)


@pytest.fixture
def fetch(hub: ModelHub, tmp_path: Path, told: Told) -> Fetching:
    return Fetching(hub, tmp_path, told)


@pytest.mark.parametrize("sized", [True, False])
def test_drops_of_a_file_without_a_length_are_overcome(fetch: Fetching, sized: bool) -> None:
    """In the middle of what comes in chunks."""
    fetch.hub.chunked = True
    fetch.hub.drops[FILE] = [3 * BLOCK, 5 * BLOCK]
    assert fetch(sized=sized) == fetch.data
    assert fetch.ranges == ["", f"bytes={3 * BLOCK}-", f"bytes={8 * BLOCK}-"]


def test_a_silent_server_counts_as_a_broken_connection(fetch: Fetching) -> None:
    fetch.hub.stalls[FILE] = [2 * BLOCK, 2 * BLOCK]
    assert fetch(patience=Patience(first_pause=0.01, silence=0.3)) == fetch.data
    assert fetch.ranges == ["", f"bytes={2 * BLOCK}-", f"bytes={4 * BLOCK}-"]
    assert sum("The server says nothing" in words for words in fetch.told.words) == 2


def test_a_server_that_stays_silent_is_given_up(fetch: Fetching) -> None:
    fetch.hub.stalls[FILE] = [BLOCK, *[0] * 9]
    with pytest.raises(Unavailable, match="The server says nothing"):
        fetch(patience=Patience(tries=2, first_pause=0.01, silence=0.3))
    assert fetch.part.stat().st_size == BLOCK, "what came is kept"


def test_a_part_that_is_whole_is_not_asked_for(fetch: Fetching) -> None:
    fetch.part.write_bytes(fetch.data)
    assert fetch() == fetch.data
    assert fetch.hub.asked == []


def test_a_whole_part_of_an_unknown_length_is_believed_when_its_checksum_is_right(fetch: Fetching) -> None:
    """The server answers 416: there is nothing after it."""
    fetch.part.write_bytes(fetch.data)
    assert fetch(sized=False) == fetch.data
    assert fetch.told.bytes == 0


def test_a_part_that_is_too_long_is_thrown_away(fetch: Fetching) -> None:
    fetch.part.write_bytes(fetch.data + b"more")
    assert fetch() == fetch.data
    assert fetch.ranges == [f"bytes={len(fetch.data) + 4}-", ""]


def test_wrong_bytes_are_never_carried_on(fetch: Fetching) -> None:
    """Of an earlier process, whose disk or network spoiled them."""
    fetch.part.write_bytes(b"x" * BLOCK)
    assert fetch() == fetch.data
    assert fetch.ranges == [f"bytes={BLOCK}-", ""]


@pytest.mark.parametrize("chunked", [True, False])
def test_more_than_there_should_be_is_cut_off(fetch: Fetching, chunked: bool) -> None:
    """A stream without an end would fill the disk."""
    fetch.hub.chunked = chunked
    fetch.hub.adds[FILE] = b"x" * 50 * BLOCK
    if chunked:
        with pytest.raises(BrokenResult, match=f"more than {len(fetch.data)} bytes"):
            fetch()
        assert fetch.told.bytes <= 3 * len(fetch.data)
        assert not fetch.part.exists()
    else:
        assert fetch() == fetch.data, "its length ends it"


def test_another_length_is_seen_before_a_byte_and_spoils_nothing(fetch: Fetching) -> None:
    """Such as the page of a hotel's network, in place of the last gigabyte."""
    whole = fetch.data
    fetch.part.write_bytes(whole[:BLOCK])
    fetch.hub.ranges = False
    fetch.hub.names_checksums = False
    downloader = Downloader(Hub(fetch.hub.url), fetch.told, QUICK)
    fetch.hub.files[FILE] = b"<html>Please log in.</html>"
    source = Source(f"{fetch.hub.url}/bytes/{FILE}", "", False, sha256=sha256(whole), size_bytes=len(whole))
    with pytest.raises(BrokenResult, match=f"27 bytes instead of {len(whole)}"):
        downloader.fetch(source, fetch.target)
    downloader.close()
    assert fetch.part.read_bytes() == whole[:BLOCK]


class TestWithoutAChecksum:
    """Nobody names one: only the same server's word for the same file tells that its parts belong together."""

    @pytest.fixture(autouse=True)
    def unnamed(self, hub: ModelHub) -> None:
        hub.names_checksums = False
        hub.etags[FILE] = '"one"'

    def test_it_is_said_so(self, fetch: Fetching) -> None:
        assert fetch(pinned=False) == fetch.data
        assert fetch.told.words == [f"Nobody says the checksum of `{FILE}`. It is recorded as it came."]

    def test_the_same_etag_lets_it_go_on(self, fetch: Fetching) -> None:
        fetch.hub.drops[FILE] = [BLOCK]
        assert fetch(pinned=False) == fetch.data
        assert fetch.ranges == ["", f"bytes={BLOCK}-"]

    def test_another_etag_starts_it_again(self, fetch: Fetching) -> None:
        fetch.hub.drops[FILE] = [BLOCK]
        changed = fetch.data[::-1]

        def say(words: str) -> None:  # between the first answer and the second
            fetch.hub.files[FILE], fetch.hub.etags[FILE] = changed, '"two"'

        fetch.told.say = say  # type: ignore[method-assign]
        assert fetch(pinned=False) == changed
        assert fetch.ranges == ["", f"bytes={BLOCK}-", ""]

    def test_what_another_process_left_is_not_trusted(self, fetch: Fetching) -> None:
        fetch.part.write_bytes(b"x" * BLOCK)
        assert fetch(pinned=False) == fetch.data

    def test_a_part_that_does_not_say_which_is_refused(self, fetch: Fetching) -> None:
        fetch.hub.drops[FILE] = [BLOCK]
        fetch.hub.says_ranges = False
        with pytest.raises(BrokenResult, match="another part of the file"):
            fetch(pinned=False)
        assert not fetch.target.exists()


def test_a_file_that_the_hub_has_changed_is_fetched_anew(fetch: Fetching) -> None:
    """Its bytes before and after a drop are not put together."""
    fetch.hub.drops[FILE] = [BLOCK]
    changed = fetch.data[::-1]

    def say(words: str) -> None:
        fetch.hub.files[FILE] = changed

    fetch.told.say = say  # type: ignore[method-assign]
    assert fetch(pinned=False) == changed
    assert fetch.ranges == ["", f"bytes={BLOCK}-", ""]


def test_a_server_without_ranges_that_always_drops_is_given_up(fetch: Fetching) -> None:
    """Now a little more comes, now a little less, and never all."""
    fetch.hub.ranges = False
    fetch.hub.drops[FILE] = [3 * BLOCK, 5 * BLOCK] * 50
    with pytest.raises(Unavailable, match="cannot be fetched"):
        fetch()
    assert len(fetch.ranges) < 10


def test_a_redirect_to_another_protocol_is_refused(fetch: Fetching) -> None:
    fetch.hub.unencrypted = "ftp://elsewhere.example/x"
    with pytest.raises(BrokenResult, match="cannot be fetched"):
        fetch()
    assert len(fetch.hub.asked) == 1


def test_a_redirect_to_no_address_is_named(fetch: Fetching) -> None:
    fetch.hub.unencrypted = "http://elsewhere.example:port/x"
    with pytest.raises(Unavailable, match="Invalid URL in location header"):
        fetch()


def test_what_is_no_address_is_not_fetched(fetch: Fetching) -> None:
    downloader = Downloader(Hub(""), fetch.told, QUICK)
    for url in ("https://hub.example:port/x", "hub.example/x"):
        with pytest.raises(BrokenResult, match="address"):
            downloader.fetch(Source(url, "", False), fetch.target)
    downloader.close()


def test_a_mirror_may_have_a_path_of_its_own(fetch: Fetching) -> None:
    fetch.hub.prefix = "/mirrors/hub"
    assert fetch() == fetch.data


def test_a_proxy_of_the_environment_is_used(
    hub: ModelHub, fetch: Fetching, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", hub.url)
    hub.redirects = False
    source = Source(f"http://hub.example/somebody/tiny/resolve/main/{FILE}", "", True, sha256=sha256(fetch.data))
    downloader = Downloader(Hub("http://hub.example", "hf_right"), told, QUICK)
    downloader.fetch(source, fetch.target)
    downloader.close()
    (asked,) = hub.asked
    assert (asked.host, asked.token) == ("hub.example", "Bearer hf_right")
    assert fetch.target.read_bytes() == fetch.data


@pytest.mark.parametrize(
    ("variable", "value"),
    [("https_proxy", "wrong://proxy"), ("SSL_CERT_FILE", "/nowhere.pem"), ("ALL_PROXY", "gopher://proxy")],
)
def test_an_environment_that_cannot_be_used_is_named(
    told: Told, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(StartupError, match=r"HTTPS_PROXY.*SSL_CERT_FILE"):
        Downloader(Hub("http://hub.example"), told)


def answer(status: int, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, request=httpx.Request("GET", "https://hub.example/file"))


@pytest.mark.parametrize(("status", "error"), [(401, Forbidden), (403, Forbidden), (404, NotFound), (410, NotFound)])
def test_what_nobody_gives_is_not_waited_for(status: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"\({status}\)"):
        extent(answer(status), 0)


@pytest.mark.parametrize("status", [204, 206, 304, 400, 416])
def test_answers_that_nobody_asked_for_are_refused(status: int) -> None:
    with pytest.raises(BrokenResult, match=f"answers {status}"):
        extent(answer(status), 0)


def test_a_busy_server_says_how_long_to_wait() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    pauses = []
    for after in ("7", soon, "Fri, 31 Dec 1999 23:59:59 GMT", "sometime", ""):
        with pytest.raises(Interrupted) as error:
            extent(answer(429, retry_after=after), 0)
        pauses.append(error.value.pause)
    assert pauses[0] == 7
    assert 30 < pauses[1] <= 40
    assert pauses[2:] == [0, 0, 0]


@pytest.mark.parametrize(
    ("ranged", "start", "total"),
    [("bytes 5-9/10", 5, 10), ("bytes 0-9/10", 0, 10), ("bytes 5-9/*", 5, None)],
)
def test_a_part_begins_where_it_says(ranged: str, start: int, total: int | None) -> None:
    found = extent(answer(206, content_range=ranged), 5)
    assert (found.start, found.total) == (start, total)


@pytest.mark.parametrize("ranged", ["bytes 6-9/10", "bytes */10", "items 5-9/10", ""])
def test_a_part_after_a_gap_is_refused(ranged: str) -> None:
    with pytest.raises(BrokenResult, match="another part of the file"):
        extent(answer(206, content_range=ranged), 5)
