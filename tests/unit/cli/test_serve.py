"""`myna serve`, as far as it can be seen without letting it run. The rest is in tests/e2e/test_command_line.py."""

from __future__ import annotations

import socket

import pytest

from myna.accounts.service import is_token
from myna.cli import serve
from myna.settings import Settings
from tests.unit.cli.conftest import CommandLine


def test_a_busy_port_is_named(myna: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = myna("serve", "--port", str(port))
    assert refused.code == 1
    assert refused.out == ""
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use. Choose another with --host" in refused.err
    assert myna("keys", "list", "--json").json == [], "no key is made for a node that does not start"


def test_an_address_that_is_not_of_this_machine_is_refused(myna: CommandLine) -> None:
    refused = myna("serve", "--host", "192.0.2.1")
    assert refused.code == 1
    assert "Cannot listen on 192.0.2.1:8311" in refused.err


def test_a_node_that_would_do_nothing_does_not_start(myna: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_SERVE_HTTP", "false")
    monkeypatch.setenv("MYNA_WORK", "false")
    refused = myna("serve")
    assert refused.code == 1
    assert "MYNA_SERVE_HTTP and MYNA_WORK are both off" in refused.err


def test_the_first_key_is_printed_once(myna: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        serve._print_first_key(Settings())
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert is_token(line.split()[-1])
    (account,) = myna("accounts", "list", "--json").json
    assert (account["name"], account["credits"]) == ("default", serve.FIRST_CREDITS)


def test_no_first_key_where_there_are_accounts(myna: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    myna("keys", "create", "alice")
    serve._print_first_key(Settings())
    assert capsys.readouterr().err == ""
