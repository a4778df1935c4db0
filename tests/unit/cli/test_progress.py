"""A download on a terminal has bars; elsewhere it has lines."""

from __future__ import annotations

import sys
from io import StringIO

import pytest

from myna.cli.progress import DownloadBars


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def follow(stream: StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file of 2,000 bytes that comes in two parts, and what is shown of it."""
    monkeypatch.setattr(sys, "stderr", stream)
    for name, value in (("TERM", "xterm"), ("COLUMNS", "100")):
        monkeypatch.setenv(name, value)
    with DownloadBars() as bars:
        bars.begin("model[bold].onnx", 0, 2_000)
        bars.advance(1_000)
        bars.say("The connection broke. Next try in 1 s.")
        bars.begin("model[bold].onnx", 1_000, 2_000)
        bars.advance(1_000)
    return stream.getvalue()


def test_a_terminal_shows_a_bar_with_bytes_and_words_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = follow(Terminal(), monkeypatch)
    assert "model[bold].onnx" in shown
    assert "2.0/2.0 kB" in shown
    assert "Next try in 1 s." in shown


def test_elsewhere_there_is_one_line_for_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = follow(StringIO(), monkeypatch)
    assert shown.splitlines() == ["  model[bold].onnx of 2 kB", "  The connection broke. Next try in 1 s."]
