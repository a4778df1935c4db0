"""`myna webhooks`."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import CommandLine
from tests.unit.cli.test_jobs_and_outputs import accept, fail

URL = "https://example.com/hook"


@pytest.fixture
def endpoint(myna: CommandLine) -> str:
    myna("keys", "create", "alice", "--credits", "10")
    return str(myna("webhooks", "add", "alice", URL, "--event", "job.failed", "--json").json["id"])


def test_an_address_is_added_with_its_secret(myna: CommandLine, endpoint: str) -> None:
    (row,) = myna("webhooks", "list", "alice", "--json").json
    assert row == {
        "id": endpoint,
        "url": URL,
        "style": "standard",
        "events": ["job.failed"],
        "enabled": True,
        "failing_since": None,
    }
    added = myna("webhooks", "add", "alice", URL, "--style", "magichour")
    assert "secret  whsec_" in added.out
    assert [row["style"] for row in myna("webhooks", "list", "alice", "--json").json] == ["standard", "magichour"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["http://127.0.0.1/hook"], "MYNA_FETCH_ALLOW"),
        (["ftp://example.com"], "The URL must be like https://example.com/hook."),
        ([URL, "--event", "job.lost"], "job.lost is no event of the style standard; it has: "),
    ],
)
@pytest.mark.usefixtures("endpoint")
def test_an_address_that_cannot_be_used_is_refused(myna: CommandLine, arguments: list[str], why: str) -> None:
    refused = myna("webhooks", "add", "alice", *arguments)
    assert (refused.code, refused.out) == (1, "")
    assert why in refused.err


def test_a_rotated_secret_is_a_new_one(myna: CommandLine, endpoint: str) -> None:
    first, second = (myna("webhooks", "rotate", "alice", endpoint, "--json").json["secret"] for _ in range(2))
    assert first.startswith("whsec_")
    assert first != second


def test_deliveries_are_shown_and_replayed(myna: CommandLine, endpoint: str) -> None:
    fail(accept())
    (delivery,) = myna("webhooks", "deliveries", "alice", endpoint, "--json").json
    assert (delivery["status"], delivery["attempts"], delivery["answer"]) == ("pending", 0, None)
    assert "is due" in myna("webhooks", "replay", "alice", delivery["id"]).out
    (again,) = myna("webhooks", "deliveries", "alice", endpoint, "--json").json
    assert again["next_attempt"] > delivery["next_attempt"]


def test_an_address_is_disabled_enabled_and_deleted(myna: CommandLine, endpoint: str) -> None:
    assert myna("webhooks", "disable", "alice", endpoint).out == f"Disabled {endpoint}.\n"
    fail(accept())
    assert myna("webhooks", "deliveries", "alice", endpoint).out == "Nothing yet.\n"
    assert myna("webhooks", "enable", "alice", endpoint).out == f"Enabled {endpoint}.\n"
    assert myna("webhooks", "list", "alice", "--json").json[0]["enabled"]
    assert myna("webhooks", "delete", "alice", endpoint).out == f"Deleted {endpoint}.\n"
    assert "myna webhooks add alice URL" in myna("webhooks", "list", "alice").out


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize("command", ["deliveries", "replay", "rotate", "enable", "disable", "delete"])
def test_an_unknown_id_is_not_found(myna: CommandLine, command: str) -> None:
    refused = myna("webhooks", command, "alice", "nope")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("myna: There is no such thing")
