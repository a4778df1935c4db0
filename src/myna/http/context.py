"""What this server knows of a request while it answers it: shared by all layers around and inside an API."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from starlette.types import Scope

from myna.accounts.schemas import Caller

_KEY = "myna.context"


@dataclass(slots=True)
class RequestContext:
    """One request."""

    request_id: str = field(default_factory=lambda: f"req_{secrets.token_hex(12)}")
    api: str = "native"
    """Which API answers."""
    prefix: str = ""
    """Under which the client sees that API, such as `/openai`; empty at the root."""
    route: str = "unmatched"
    """The template of the path, such as `/v1/models/{id}`: a bounded set of values."""
    caller: Caller | None = None
    """Who asks, once the key has been checked."""
    counted: bool = False
    """The request counts in the rate of its key."""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    """To be added to the answer."""
    idempotent_job_id: str | None = None
    """The job id that belongs to the request's Idempotency-Key."""
    kept_body: bytes | None = None
    """What is kept for a repeated request in place of the answer's own body."""
    kept_folder: str = "idempotency"
    """Where in the storage the answer is kept for a repeated request."""
    executed: bool = False
    """The request was found valid and its work was begun: its answer is kept for its Idempotency-Key."""

    def add_header(self, name: str, value: str) -> None:
        self.headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))


def context_of(scope: Scope) -> RequestContext:
    """The context of a request. One is made where no outer layer did."""
    context = scope.get(_KEY)
    if context is None:
        context = scope[_KEY] = RequestContext()
    assert isinstance(context, RequestContext)
    return context
