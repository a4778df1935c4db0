"""Which engines are in memory at the same time, where it does not hold all of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Protocol

from myna.errors import Unavailable

_PATIENCE_SECONDS = 10.0
"""So long an engine that always has work keeps others waiting."""

Entry = asyncio.Future[None]
"""Done when a request may have a process."""


class Guest(Protocol):
    """An engine's pool of processes."""

    async def let_all_go(self) -> None:
        """End the processes, none of which has work."""


class Residency:
    """Lets engines in, in the order in which they ask, and those go that were not asked for the longest time.

    An engine that has to go answers nothing new, and goes when what it does is done. So nobody may hold a process of
    one engine while waiting for one of another.
    """

    def __init__(self, engines: int, patience: float = _PATIENCE_SECONDS) -> None:
        """`engines` may be there at once; 0 is as many as want to."""
        self._limit = engines
        self._patience = patience
        self._residents: list[Guest] = []
        """The one that was used last is the last."""
        self._working: Counter[Guest] = Counter()
        """Requests that were let in and have not left."""
        self._waiting: dict[Guest, list[Entry]] = {}
        """The engine that asked first is the first."""
        self._leaving: set[Guest] = set()
        self._going: dict[Guest, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def admit(self, guest: Guest) -> None:
        """Wait until this engine may have processes for one more request; then `left` has to be called, once."""
        if not self._limit:
            return
        if guest in self._residents and guest not in self._leaving:
            self._enter(guest)
            return
        entry: Entry = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(guest, []).append(entry)
        self._arrange()
        try:
            await entry
        except asyncio.CancelledError:
            if entry.done() and not entry.cancelled() and entry.exception() is None:
                self.left(guest)
            else:
                self._forget(guest, entry)
            raise

    def left(self, guest: Guest) -> None:
        """A request that was let in has given its process back."""
        if self._limit:
            self._working[guest] -= 1
            self._arrange()

    async def close(self) -> None:
        """Whoever waits gets `Unavailable`."""
        for entry in (entry for entries in self._waiting.values() for entry in entries if not entry.done()):
            entry.set_exception(Unavailable("This node is stopping."))
        self._waiting.clear()
        self._stop_timer()
        await asyncio.gather(*self._going.values())

    def _enter(self, guest: Guest) -> None:
        self._working[guest] += 1
        self._residents.remove(guest)
        self._residents.append(guest)

    def _forget(self, guest: Guest, entry: Entry) -> None:
        entries = self._waiting.get(guest, [])
        if entry in entries:
            entries.remove(entry)
        if not entries:
            self._waiting.pop(guest, None)
        self._arrange()

    def _arrange(self) -> None:
        """Let in who may come, and see that somebody goes when nobody may."""
        while self._waiting and self._may_come(guest := next(iter(self._waiting))):
            self._let_in(guest)
        if not self._waiting:
            self._leaving &= self._going.keys()
            self._stop_timer()
            return
        for guest in [each for each in self._residents if not self._working[each] and each not in self._going]:
            if len(self._going) < len(self._waiting):
                self._leaving.add(guest)
                self._going[guest] = asyncio.create_task(self._let_go(guest))
        if not self._going and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._patience, self._ask_to_leave)

    def _may_come(self, guest: Guest) -> bool:
        return guest not in self._going if guest in self._residents else len(self._residents) < self._limit

    def _let_in(self, guest: Guest) -> None:
        self._stop_timer()
        self._leaving.discard(guest)
        if guest not in self._residents:
            self._residents.append(guest)
        for entry in self._waiting.pop(guest):
            if not entry.done():
                entry.set_result(None)
                self._enter(guest)

    async def _let_go(self, guest: Guest) -> None:
        try:
            await guest.let_all_go()
        finally:
            self._residents.remove(guest)
            self._leaving.discard(guest)
            del self._going[guest]
            self._arrange()

    def _ask_to_leave(self) -> None:
        self._timer = None
        if staying := [guest for guest in self._residents if guest not in self._leaving]:
            self._leaving.add(staying[0])
        self._arrange()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
