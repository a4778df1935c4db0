"""What a process asks of its system."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from myna.kit.processes import LESS_URGENT

AUTOGROUP = Path("/proc/self/autogroup")
PROGRAM = f"""
import os
from pathlib import Path
from myna.kit.processes import give_way

give_way()
group = Path({str(AUTOGROUP)!r})
print(os.getpriority(os.PRIO_PROCESS, 0), *(group.read_text().split()[-1:] if group.exists() else ()))
"""


def priorities(*, own_session: bool) -> list[int]:
    """Niceness of a process that gave way, and of its session where Linux knows such a thing."""
    command = [sys.executable, "-c", PROGRAM]
    found = subprocess.run(command, capture_output=True, text=True, check=True, start_new_session=own_session)
    return [int(number) for number in found.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="sessions have a niceness on Linux only")
def test_a_process_that_gives_way_takes_its_session_along() -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    niceness, *of_session = priorities(own_session=True)
    assert niceness == min(19, own + LESS_URGENT)
    assert of_session == ([LESS_URGENT] if AUTOGROUP.exists() else [])


@pytest.mark.skipif(sys.platform != "linux", reason="sessions have a niceness on Linux only")
def test_the_session_of_others_stays_as_it_is() -> None:
    ours = [int(word) for word in AUTOGROUP.read_text().split()[-1:]] if AUTOGROUP.exists() else []
    _, *of_session = priorities(own_session=False)
    assert of_session == ours
