"""Whose turn it is, when more requests wait for an engine than it has processes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass

from myna.kit.beneficiary import goes_on, worked_for
from myna.kit.threads import takes_its_time

Turn = asyncio.Future[None]
"""Done when it is a request's turn."""

_OF_A_KIND = 3
"""After so many turns of requests that somebody waits for, one that may take its time has its turn."""
_CROWDED = 0.75
"""From this share of the queue on, no account gets more than its part of what is left."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request may count on."""

    account: str
    urgent: bool
    """Somebody waits for the sound at this moment."""
    goes_on: bool = False
    """It is a further part of work that was let in."""

    @classmethod
    def of_this_task(cls) -> Claim:
        return cls(worked_for(), not takes_its_time(), goes_on())


class WaitingRequests:
    """A bounded queue. Accounts take turns, so that who sends a book does not keep others from their sentence; what
    somebody waits for comes before what may take its time, which gets every fourth turn.

    What goes on takes none of the places: work that was let in is not broken off for lack of one. How much of it there
    can be is limited where it is accepted.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._urgent: OrderedDict[str, deque[Turn]] = OrderedDict()
        self._patient: OrderedDict[str, deque[Turn]] = OrderedDict()
        self._places: dict[Turn, str] = {}
        """Of those that are yet to begin, with their accounts."""
        self._in_a_row = 0

    def __len__(self) -> int:
        return sum(len(turns) for queue in (self._urgent, self._patient) for turns in queue.values())

    def has_room(self, claim: Claim) -> bool:
        """Whether one more may wait. The last quarter of the places is for accounts with few requests in the queue."""
        taken = len(self._places)
        if claim.goes_on or taken < _CROWDED * self._limit:
            return True
        own = sum(account == claim.account for account in self._places.values())
        return taken < self._limit and own < self._limit - taken

    def add(self, claim: Claim) -> Turn:
        """The place of one more request in the queue."""
        turn: Turn = asyncio.get_running_loop().create_future()
        queue = self._urgent if claim.urgent else self._patient
        queue.setdefault(claim.account, deque()).append(turn)
        if not claim.goes_on:
            self._places[turn] = claim.account
        return turn

    def remove(self, claim: Claim, turn: Turn) -> None:
        """The request is not waited for any more."""
        queue = self._urgent if claim.urgent else self._patient
        turns = queue.get(claim.account)
        if turns and turn in turns:
            turns.remove(turn)
            self._places.pop(turn, None)
            if not turns:
                del queue[claim.account]

    def next(self) -> Turn | None:
        """Take out the request whose turn it is."""
        patient = self._patient and (not self._urgent or self._in_a_row >= _OF_A_KIND)
        queue = self._patient if patient else self._urgent
        if not queue:
            return None
        self._in_a_row = 0 if patient else self._in_a_row + 1
        account, turns = queue.popitem(last=False)
        turn = turns.popleft()
        self._places.pop(turn, None)
        if turns:
            queue[account] = turns
        return turn
