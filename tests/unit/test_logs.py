from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging
import structlog
from myna.logs import set_up_logs
from myna.settings import Settings

def ask(headers):
    raise ValueError("away")

set_up_logs(Settings(log_format={format!r}))
try:
    ask({{"authorization": "Bearer " + "-".join(["myna", "secret"])}})
except ValueError:
    structlog.get_logger().exception("http.unexpected_error")
logging.getLogger("library").warning("It is %s.", "late")
"""


def said(log_format: str) -> str:
    command = [sys.executable, "-c", PROGRAM.format(format=log_format)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_tracebacks_show_no_values(log_format: str) -> None:
    """The variables of a request hold its key."""
    logged = said(log_format)
    assert "http.unexpected_error" in logged
    assert "ValueError" in logged
    assert "myna-secret" not in logged


def test_every_line_is_json_also_those_of_libraries() -> None:
    ours, theirs = (json.loads(line) for line in said("json").splitlines())
    assert ours["exception"][0]["frames"][-1]["name"] == "ask"
    assert (theirs["event"], theirs["level"]) == ("It is late.", "warning")
    assert theirs["timestamp"]
