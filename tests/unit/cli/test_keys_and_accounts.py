"""`myna keys`, `myna accounts` and `myna credits`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from myna.accounts.service import is_token
from tests.unit.cli.conftest import CommandLine


def test_a_new_key_stands_alone_on_standard_output(myna: CommandLine) -> None:
    made = myna("keys", "create", "alice", "--credits", "2.5")
    assert made.code == 0
    assert made.lines == [made.out.strip()]
    assert is_token(made.out.strip())
    assert "`alice`, which has 2.5 credits" in made.err


def test_a_key_without_credits_says_how_to_get_some(myna: CommandLine) -> None:
    assert "myna credits grant alice 100" in myna("keys", "create", "alice").err


def test_a_second_key_belongs_to_the_same_account(myna: CommandLine) -> None:
    first = myna("keys", "create", "alice", "--credits", "1").out.strip()
    second = myna("keys", "create", "alice", "--credits", "2").out.strip()
    assert first != second
    keys = myna("keys", "list", "--json").json
    assert [key["account"] for key in keys] == ["alice", "alice"]
    assert [account["credits"] for account in myna("accounts", "list", "--json").json] == [3]


def test_listed_keys_do_not_show_their_secret(myna: CommandLine) -> None:
    token = myna("keys", "create", "alice").out.strip()
    listed = myna("keys", "list")
    assert token not in listed.out
    assert token[:9] in listed.out
    (key,) = myna("keys", "list", "--json").json
    assert set(key) == {"id", "account", "key", "uses", "credits_spent", "made", "last_used", "revoked"}
    assert key["revoked"] is None


def test_a_revoked_key_is_listed_as_such(myna: CommandLine) -> None:
    myna("keys", "create", "alice")
    (key,) = myna("keys", "list", "--json").json
    revoked = myna("keys", "revoke", key["id"])
    assert (revoked.code, revoked.out) == (0, f"Revoked {key['key']}.\n")
    assert myna("keys", "list", "--json").json[0]["revoked"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["keys", "revoke", "nobody"], "There is no such key. `myna keys list` shows what there is."),
        (["keys", "create", " "], "A name has 1 to 200 printable characters."),
        (["credits", "grant", "bob", "5"], "There is no account `bob`. There are: `alice`, `carol`."),
        (["credits", "list", "bob"], "`myna keys create NAME` makes one."),
        (["accounts", "block", "bob"], "There is no account `bob`."),
    ],
)
def test_what_is_not_there_is_said_on_standard_error(myna: CommandLine, arguments: list[str], why: str) -> None:
    myna("keys", "create", "carol")
    myna("keys", "create", "alice")
    outcome = myna(*arguments)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("myna: ")
    assert why in outcome.err


@pytest.mark.parametrize("amount", ["1e30", "inf", "nan", "0", "-1"])
def test_credits_that_cannot_be_counted(myna: CommandLine, amount: str) -> None:
    myna("keys", "create", "alice")
    outcome = myna("credits", "grant", "alice", "--", amount)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Invalid value for 'AMOUNT'" in outcome.err


def test_before_the_first_account_there_is_a_way_to_make_one(myna: CommandLine) -> None:
    for command in (["keys", "list"], ["accounts", "list"]):
        assert "myna keys create NAME" in myna(*command).out
    assert "There are none yet" in myna("jobs", "list", "alice").err


def test_roles_and_blocks(myna: CommandLine) -> None:
    myna("keys", "create", "alice")
    assert "admin" in myna("accounts", "role", "alice", "admin").out
    assert "Blocked `alice`" in myna("accounts", "block", "alice").out
    (account,) = myna("accounts", "list", "--json").json
    assert (account["role"], account["blocked"]) == ("admin", True)
    myna("accounts", "unblock", "alice")
    myna("accounts", "role", "alice", "user")
    (account,) = myna("accounts", "list", "--json").json
    assert (account["role"], account["blocked"]) == ("user", False)


def test_an_unknown_role_is_a_usage_error(myna: CommandLine) -> None:
    refused = myna("accounts", "role", "alice", "king")
    assert refused.code == 2
    assert "'user', 'admin'" in refused.err


def test_credits_are_granted_listed_and_booked(myna: CommandLine) -> None:
    myna("keys", "create", "alice", "--credits", "1")
    granted = myna("credits", "grant", "alice", "2.25", "--type", "Gift", "--expires", "2999-12-31")
    assert granted.out == "`alice` has 3.25 credits.\n"
    rows = {row["type"]: row for row in myna("credits", "list", "alice", "--json").json}
    assert (rows["Gift"]["left"], rows["Gift"]["of"], rows["Gift"]["expires"][:10]) == (2.25, 2.25, "2999-12-31")
    assert rows["Granted"]["expires"] is None
    entries = myna("credits", "ledger", "alice", "--json").json
    assert sorted((entry["what"], entry["credits"]) for entry in entries) == [("grant", 1), ("grant", 2.25)]
    assert len(myna("credits", "ledger", "alice", "--limit", "1", "--json").json) == 1


@pytest.mark.parametrize("amount", ["0", "much"])
def test_an_amount_must_be_a_positive_number(myna: CommandLine, amount: str) -> None:
    assert myna("credits", "grant", "alice", amount).code == 2


def test_a_ledger_that_is_not_exact_is_reported(myna: CommandLine, tmp_path: Path) -> None:
    myna("keys", "create", "alice", "--credits", "10")
    checked = myna("credits", "check")
    assert (checked.code, checked.out) == (0, "The ledger is exact.\n")
    with sqlite3.connect(tmp_path / "data" / "myna.sqlite") as connection:
        connection.execute("UPDATE credits SET remaining = remaining - 1")
    connection.close()
    broken = myna("credits", "check")
    assert broken.code == 1
    assert broken.out.strip()
