"""What a process asks of its system."""

from __future__ import annotations

import os
import signal
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


LATE_RESULT = """
import asyncio, os, sys, threading, time
import obstore
from obstore.store import MemoryStore
from myna.kit.processes import ended_at_once

class Loop(asyncio.SelectorEventLoop):
    def call_soon_threadsafe(self, *arguments, **options):
        handle = super().call_soon_threadsafe(*arguments, **options)
        if threading.current_thread() is not threading.main_thread():
            time.sleep(1)  # the result is there, and its thread has still to go
        return handle

class Slow:
    def __del__(self, sleep=time.sleep):
        sleep(5)

async def work():
    await obstore.put_async(MemoryStore(), "key", b"content")
    print("done")

def program(ending):
    sys.last_value = Slow()  # among the first things that Python takes apart: it takes its time
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(work())
    if ending != "return":
        sys.exit(eval(ending))

with {wrapper}:
    program({ending!r})
"""


def outcome(wrapper: str, ending: str) -> tuple[int, str]:
    """Exit status and output of a process that ends while a thread of Rust still hands a result over."""
    program = LATE_RESULT.format(wrapper=wrapper, ending=ending)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    return ended.returncode, ended.stdout


@pytest.mark.parametrize(
    ("ending", "status"), [("return", 0), ("None", 0), ("0", 0), ("3", 3), ("-1", 255), ("'why'", 1)]
)
def test_a_process_that_ends_at_once_is_not_aborted_by_foreign_threads(ending: str, status: int) -> None:
    assert outcome("ended_at_once()", ending) == (status, "done\n")


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python lets such threads wait for ever since 3.14")
def test_taking_the_interpreter_apart_would_abort_it() -> None:
    assert outcome("open(os.devnull)", "return") == (-signal.SIGABRT, "done\n")


def test_a_process_that_ends_at_once_waits_for_its_own_threads_and_endings_and_shows_its_errors() -> None:
    program = """
import atexit, threading, time
from myna.kit.processes import ended_at_once
with ended_at_once():
    atexit.register(print, "at the end", end="")
    threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
    raise LookupError("why")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (1, "thread\nat the end")
    assert ended.stderr.endswith("LookupError: why\n")


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
