"""What the APIs work with, built once by `app.py`."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from myna.http.limits import RequestLimiter
from myna.http.metrics import Metrics
from myna.kit import ids
from myna.settings import Settings

if TYPE_CHECKING:
    from myna.accounts.service import AccountService
    from myna.credits.service import CreditService
    from myna.db.session import Database
    from myna.dubbing.service import DubbingService
    from myna.engines.host import EngineHost
    from myna.engines.registry import EngineRegistry
    from myna.jobs.service import JobService
    from myna.media.fetch import Fetcher
    from myna.outputs.service import OutputService
    from myna.speech.service import SpeechService
    from myna.storage.base import ObjectStorage
    from myna.storage.links import LinkSigner
    from myna.transcription.orders import TranscriptionOrders
    from myna.transcription.service import TranscriptionService
    from myna.translation.service import TranslationService
    from myna.voices.cloning import CloningService
    from myna.voices.service import VoiceService
    from myna.webhooks.delivery import WebhookDelivery
    from myna.webhooks.service import WebhookService

_HOST = re.compile(r"[A-Za-z0-9.\-_]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


async def _nothing_waits() -> Mapping[str, int]:
    return {}


@dataclass(frozen=True)
class Services:
    """Everything that a route may use."""

    settings: Settings
    database: Database
    storage: ObjectStorage
    links: LinkSigner
    accounts: AccountService
    credits: CreditService
    jobs: JobService
    outputs: OutputService
    webhooks: WebhookService
    delivery: WebhookDelivery
    voices: VoiceService
    cloning: CloningService
    fetcher: Fetcher
    speech: SpeechService
    transcription: TranscriptionService
    transcriptions: TranscriptionOrders
    translation: TranslationService
    dubbing: DubbingService
    engines: EngineHost
    registry: EngineRegistry
    node_id: str = field(default_factory=ids.new_uuid)
    """This process in the table of nodes."""
    backlog: Callable[[], Awaitable[Mapping[str, int]]] = _nothing_waits
    """How much durable work waits or runs, by queue."""
    broken: Mapping[str, list[str]] = field(default_factory=dict)
    """What housekeeping found broken when it last looked, in words, by check."""

    @cached_property
    def limiter(self) -> RequestLimiter:
        """Counts requests and wrong keys in this process, for all APIs together."""
        return RequestLimiter(self.settings)

    @cached_property
    def metrics(self) -> Metrics:
        return Metrics()

    def base_url(self, request: HTTPConnection) -> str:
        """The address under which the client sees this server, for links: `https://voice.example.org`."""
        if self.settings.public_url:
            return self.settings.public_url.rstrip("/")
        host = request.headers.get("host", "")
        if not _HOST.fullmatch(host):
            name, port = request.scope.get("server") or (self.settings.host, self.settings.port)
            host = f"{name}:{port}"
        return f"{request.scope.get('scheme', 'http')}://{host}"
