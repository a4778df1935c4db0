"""Tables for people and JSON for scripts."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import pytest

from myna.cli.show import show_row, show_rows

MOMENT = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
ROWS = [
    {"id": "1" * 36, "spent so far": 1_234_567.5, "when": MOMENT, "ok": True},
    {"id": "2", "spent so far": 0.0, "when": None, "ok": False},
]


def test_a_pipe_gets_a_line_for_each_row_and_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(ROWS, as_json=False)
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0] == "id"
    assert first == f"{'1' * 36}  1234567.5     2026-11-21 12:30:00  yes"
    assert second.split() == ["2", "0", "–", "no"]


def test_a_terminal_gets_whole_ids_and_no_markup(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    show_rows([{"id": "x" * 36, "text": "[red]:smile: " + "word " * 30}], as_json=False)
    out = capsys.readouterr().out
    assert "x" * 36 in out
    assert out.count("word") == 30
    assert "[red]:smile:" in out


def test_scripts_get_names_without_spaces_and_moments_in_iso(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(ROWS, as_json=True)
    first, second = json.loads(capsys.readouterr().out)
    assert first == {"id": "1" * 36, "spent_so_far": 1_234_567.5, "when": "2026-11-21T12:30:00+00:00", "ok": True}
    assert second["when"] is None


def test_nothing_is_said_in_words_to_people_and_as_a_list_to_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([], as_json=False, empty="None.")
    show_rows([], as_json=True, empty="None.")
    assert capsys.readouterr().out == "None.\n[]\n"


def test_one_thing_is_a_line_for_each_field_or_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    show_row({"id": "a", "known as": ["x", "y"]}, as_json=False)
    assert capsys.readouterr().out == "id        a\nknown as  x, y\n"
    show_row({"id": "a", "known as": ("x", "y")}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"id": "a", "known_as": ["x", "y"]}


def test_clients_texts_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"text": "one\ntwo\x1b[2J\x9b31m"}], as_json=False)
    assert capsys.readouterr().out == "text\none two [2J 31m\n"
