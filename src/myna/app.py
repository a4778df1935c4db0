"""Builds everything: settings, database, storage, engines, services, and the server that answers.

The only module that knows all concrete parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from starlette.types import ASGIApp

from myna.accounts.service import AccountService
from myna.audio.cleaning import Denoiser
from myna.credits.service import CreditService
from myna.db.session import Database
from myna.dubbing.building import Surroundings, build_dubbing
from myna.dubbing.service import DubbingService
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.http.magichour.webhooks import MagicHourRenderer
from myna.http.modelslab.webhooks import ModelsLabRenderer
from myna.http.server import create_server
from myna.http.services import Services
from myna.jobs.service import JobService
from myna.kit import ids
from myna.kit.finishing import all_finished
from myna.media.fetch import Fetcher
from myna.media.network import Guard
from myna.outputs.service import OutputService
from myna.settings import Settings
from myna.speech import workflow as speech_workflow
from myna.speech.references import References
from myna.speech.rendering import Renderer
from myna.speech.service import SpeechService
from myna.speech.steps import SpeechSteps
from myna.speech.verifying import Verifier
from myna.storage.base import ObjectStorage
from myna.storage.links import LinkSigner
from myna.storage.objects import open_storage
from myna.transcription import workflow as transcription_workflow
from myna.transcription.orders import TranscriptionOrders
from myna.transcription.service import TranscriptionService
from myna.transcription.steps import TranscriptionSteps
from myna.translation.service import TranslationService
from myna.voices.catalogue import VoiceCatalogue
from myna.voices.cloning import CloningService
from myna.voices.own import OwnVoices
from myna.voices.service import VoiceService
from myna.webhooks.delivery import Renderer as WebhookRenderer
from myna.webhooks.delivery import WebhookDelivery
from myna.webhooks.service import WebhookService
from myna.webhooks.standard import render_standard
from myna.worker.durable import DurableWork
from myna.worker.nodes import NodeKeeper
from myna.worker.schedules import Chore, Housekeeping

log = structlog.get_logger()

_GOODBYE_SECONDS = 5.0
"""How long a node that stops waits for what its clients have left to be ended."""
FETCH_SECONDS = 60.0
"""How long fetching a recording may take."""


@dataclass(frozen=True)
class Node:
    """One `myna serve` process: what it is made of, and how it starts and stops."""

    id: str
    settings: Settings
    services: Services
    work: DurableWork
    keeper: NodeKeeper
    housekeeping: Housekeeping

    async def start(self) -> None:
        for engine, reason in self.services.registry.left_out.items():
            log.warning("node.engine_left_out", engine=engine, reason=reason)
        warming = asyncio.create_task(self.services.speech.renderer.warm_up(self.settings.warm_engines))
        await self.services.database.migrate()
        await self.keeper.register()
        await self.work.start(self.settings, self.id)
        await self.keeper.start()
        await self.housekeeping.start()
        await warming
        log.info("node.started", node=self.id, engines=list(self.services.registry.names))

    async def stop(self) -> None:
        await self.housekeeping.stop()
        await self.work.stop(self.settings.stop_seconds)
        await self.keeper.stop()
        await self.services.engines.close()
        await self.services.fetcher.close()
        await all_finished(_GOODBYE_SECONDS)
        await self.services.database.close()
        log.info("node.stopped", node=self.id)


def build_node(settings: Settings) -> Node:
    """Put all parts together. Nothing is opened or started yet."""
    node_id = ids.sortable_uuid()
    database = Database(settings.resolved_database_url)
    storage = open_storage(settings.resolved_storage_url, settings.storage_endpoint)
    links = LinkSigner(settings.secret_key)
    accounts = AccountService(database, settings.secret_key)
    credits = CreditService(database)
    webhooks = WebhookService(database, settings)
    jobs = JobService(database, credits, webhooks, accounts, settings)
    outputs = OutputService(database, storage)
    registry = EngineRegistry.load(settings.engines, settings.resolved_engine_pythons)
    engines = EngineHost(settings, registry)
    voices, cloning = _voices(settings, database, storage, engines, registry)
    fetcher = Fetcher(Guard.from_settings(settings), max_bytes=settings.max_reference_bytes, seconds=FETCH_SECONDS)
    transcription = TranscriptionService(engines, registry)
    work = DurableWork()
    delivery = WebhookDelivery(settings, webhooks, jobs, work, _webhook_bodies(settings, outputs, links))
    around = Surroundings(
        node_id=node_id,
        settings=settings,
        database=database,
        storage=storage,
        accounts=accounts,
        jobs=jobs,
        outputs=outputs,
        engines=engines,
        registry=registry,
        voices=voices,
        cloning=cloning,
        renderer=_renderer(settings, engines, registry, transcription),
        fetcher=fetcher,
        transcription=transcription,
        translation=TranslationService(engines, registry),
        work=work,
        announce=delivery.announce,
    )
    references = References(settings, storage, jobs, registry, fetcher, cloning, accounts)
    speech, dubbing = _speech(around, references), build_dubbing(around)
    keeper = NodeKeeper(node_id, settings, database, work, on_node_dead=[speech.on_node_dead])
    transcriptions, transcription_chores = _transcriptions(around)
    chores = (*_chores(speech, references, outputs, cloning, dubbing), *transcription_chores)
    housekeeping = Housekeeping(settings, database, storage, credits, jobs, delivery, work, chores)
    services = Services(
        settings=settings,
        node_id=node_id,
        database=database,
        storage=storage,
        links=links,
        accounts=accounts,
        credits=credits,
        jobs=jobs,
        outputs=outputs,
        webhooks=webhooks,
        delivery=delivery,
        voices=voices,
        cloning=cloning,
        fetcher=fetcher,
        speech=speech,
        transcription=around.transcription,
        transcriptions=transcriptions,
        translation=around.translation,
        dubbing=dubbing,
        engines=engines,
        registry=registry,
        backlog=work.backlog,
        broken=housekeeping.broken,
    )
    return Node(node_id, settings, services, work, keeper, housekeeping)


def _webhook_bodies(settings: Settings, outputs: OutputService, links: LinkSigner) -> dict[str, WebhookRenderer]:
    """By style."""
    return {
        "standard": render_standard,
        "magichour": MagicHourRenderer(settings, outputs, links),
        "modelslab": ModelsLabRenderer(settings, outputs, links),
    }


def _renderer(
    settings: Settings, engines: EngineHost, registry: EngineRegistry, transcription: TranscriptionService
) -> Renderer:
    denoiser = Denoiser(engines, registry, settings.denoiser)
    return Renderer(engines, registry, Verifier(transcription, settings), denoiser)


def _voices(
    settings: Settings, database: Database, storage: ObjectStorage, engines: EngineHost, registry: EngineRegistry
) -> tuple[VoiceService, CloningService]:
    own_voices = OwnVoices(database, storage, registry)
    voices = VoiceService(VoiceCatalogue(registry, settings.voice_aliases), own_voices)
    cloning = CloningService(
        settings=settings, database=database, storage=storage, engines=engines, registry=registry, voices=voices
    )
    return voices, cloning


def _speech(around: Surroundings, references: References) -> SpeechService:
    """The service, and the workflow behind it."""
    steps = SpeechSteps(
        node_id=around.node_id,
        database=around.database,
        storage=around.storage,
        jobs=around.jobs,
        outputs=around.outputs,
        voices=around.voices,
        renderer=around.renderer,
        references=references,
    )
    speech_workflow.bind(steps, around.announce)
    return SpeechService(
        node_id=around.node_id,
        settings=around.settings,
        database=around.database,
        jobs=around.jobs,
        voices=around.voices,
        renderer=around.renderer,
        work=around.work,
    )


def _transcriptions(around: Surroundings) -> tuple[TranscriptionOrders, tuple[Chore, ...]]:
    """The service, the workflow behind it, and what has to be done now and then."""
    steps = TranscriptionSteps(
        node_id=around.node_id,
        settings=around.settings,
        database=around.database,
        storage=around.storage,
        jobs=around.jobs,
        outputs=around.outputs,
        fetcher=around.fetcher,
        transcription=around.transcription,
    )
    transcription_workflow.bind(steps, around.announce)
    orders = TranscriptionOrders(around.settings, around.jobs, around.transcription, around.work)
    return orders, (Chore(10, orders.resume_unstarted), Chore(600, steps.remove_left))


def _chores(
    speech: SpeechService,
    references: References,
    outputs: OutputService,
    cloning: CloningService,
    dubbing: DubbingService,
) -> tuple[Chore, ...]:
    """What has to be done now and then in the domains that the worker does not know."""
    return (
        Chore(10, speech.resume_unstarted),
        Chore(10, dubbing.resume_unstarted),
        Chore(60, cloning.remove_deleted),
        Chore(60, cloning.remove_unfinished),
        Chore(600, outputs.remove_deleted_files),
        Chore(600, references.remove_left),
        Chore(600, dubbing.remove_left),
        Chore(3_600, cloning.forget_previews),
    )


def create_app(settings: Settings) -> ASGIApp:
    """The ASGI application of one node. It starts and stops with the server's lifespan."""
    node = build_node(settings)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await node.start()
        try:
            yield
        finally:
            await node.stop()

    return create_server(node.services, lifespan=lifespan)
