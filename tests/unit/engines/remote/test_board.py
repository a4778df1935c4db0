"""The board on which processes note which servers are well."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from myna.engines.remote.board import Board, Rules

RULES = Rules(failures=3, rest=10.0)
SERVERS = ("one", "two", "three")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["file", "memory"])
def board(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Board:
    return Board(tmp_path / "board.json" if request.param == "file" else None, RULES, clock)


def fail(board: Board, name: str, times: int = 3) -> None:
    for _ in range(times):
        board.failed(name, "it is broken")


def test_servers_take_turns(board: Board) -> None:
    assert [board.choose(SERVERS) for _ in range(6)] == ["one", "two", "three"] * 2


def test_one_that_was_not_tried_is_preferred(board: Board) -> None:
    assert {board.choose(SERVERS, {"one", "three"}) for _ in range(3)} == {"two"}
    assert board.choose(SERVERS, set(SERVERS)) in SERVERS


def test_failures_in_a_row_open_it_and_others_are_asked(board: Board) -> None:
    fail(board, "two")
    assert board.is_open("two")
    assert {board.choose(SERVERS) for _ in range(9)} == {"one", "three"}


def test_a_success_between_keeps_it_closed(board: Board) -> None:
    fail(board, "one", 2)
    board.succeeded("one")
    fail(board, "one", 2)
    assert not board.is_open("one")
    assert board.health()["one"].failed == 4


def test_when_all_are_open_none_is_given_and_the_wait_is_known(board: Board, clock: Clock) -> None:
    for name in SERVERS:
        fail(board, name)
        clock.now += 1
    assert board.choose(SERVERS) is None
    assert board.wait(SERVERS) == pytest.approx(7.0)
    assert board.health()["one"].last_failure == "it is broken"


def test_after_its_rest_one_request_alone_tries_it(board: Board, clock: Clock) -> None:
    fail(board, "one")
    clock.now += 10.5
    assert board.choose(["one"]) == "one"
    assert board.choose(["one"]) is None
    board.failed("one", "still broken")
    clock.now += 9
    assert board.choose(["one"]) is None
    clock.now += 2
    assert board.choose(["one"]) == "one"
    board.succeeded("one")
    assert [board.choose(["one"]) for _ in range(3)] == ["one"] * 3
    assert not board.is_open("one")


def test_a_probe_without_an_outcome_leaves_the_place_to_another(board: Board, clock: Clock) -> None:
    fail(board, "one")
    clock.now += 10.5
    assert board.choose(["one"]) == "one"
    board.given_up("one")
    assert board.choose(["one"]) == "one"
    clock.now += 200
    assert board.choose(["one"]) == "one", "a probe that was lost with its process does not close it for ever"


def test_a_busy_server_is_asked_later_and_is_not_open(board: Board, clock: Clock) -> None:
    board.busy("one", 5)
    assert board.choose(["one"]) is None
    assert board.choose(["one", "two"]) == "two"
    assert not board.is_open("one")
    clock.now += 5
    assert board.choose(["one"]) == "one"


def test_a_file_that_was_cut_is_a_new_board(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "board.json"
    for text in ('{"turn": 3, "serv', "[]", "\0"):
        path.write_text(text)
        assert Board(path, RULES, clock).choose(SERVERS) == "one"


def test_processes_share_the_board_of_their_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mine = Board.of_server(os.getpid(), RULES)
    code = (
        "import os\n"
        "from myna.engines.remote.board import Board, Rules\n"
        "board = Board.of_server(os.getppid(), Rules(3, 10.0))\n"
        "for _ in range(50): board.failed('one', 'from a child')\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    children = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert mine.health()["one"].failed == 150
    assert mine.is_open("one")


def test_boards_of_servers_that_are_gone_are_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(60)
    folder = tmp_path / f"myna-{os.getuid()}"
    folder.mkdir(mode=0o700)
    left = folder / f"upstreams-{gone.pid}-1.json"
    left.write_text("{}")
    Board.of_server(os.getpid(), RULES).succeeded("one")
    assert not left.exists()
    assert len(list(folder.glob("upstreams-*.json"))) == 1


def test_where_no_folder_can_be_trusted_the_board_is_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"myna-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    board = Board.of_server(os.getpid(), RULES)
    board.failed("one", "it is broken")
    assert board.health()["one"].failed == 1
    assert not list((tmp_path / "elsewhere").iterdir())
