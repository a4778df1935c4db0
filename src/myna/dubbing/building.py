"""Puts the parts of dubbing together, for a node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from myna.accounts.service import AccountService
from myna.db.session import Database
from myna.dubbing import workflow
from myna.dubbing.checks import RequestChecks
from myna.dubbing.cloning import SpeakerClones
from myna.dubbing.files import DubFiles
from myna.dubbing.service import DubbingService
from myna.dubbing.sources import Sources
from myna.dubbing.stages.hearing import Listen, Speakers, Transcribe
from myna.dubbing.stages.mixing import Mix
from myna.dubbing.stages.publishing import MuxStage, Publish, Verify
from myna.dubbing.stages.separating import Separate
from myna.dubbing.stages.speaking import Fit, Plan, Speak
from myna.dubbing.stages.taking_in import Extract, Fetch, Probe
from myna.dubbing.stages.translating import Translate
from myna.dubbing.steps import DubSteps, Stage
from myna.dubbing.store import DubStore
from myna.dubbing.takes import Takes
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.jobs.service import JobService
from myna.media.fetch import Fetcher
from myna.outputs.service import OutputService
from myna.settings import Settings
from myna.speech.rendering import Renderer
from myna.speech.service import DurableWork
from myna.storage.base import ObjectStorage
from myna.transcription.service import TranscriptionService
from myna.translation.service import TranslationService
from myna.voices.cloning import CloningService
from myna.voices.service import VoiceService


@dataclass(frozen=True)
class Surroundings:
    """What dubbing needs of the rest of a node."""

    node_id: str
    settings: Settings
    database: Database
    storage: ObjectStorage
    accounts: AccountService
    jobs: JobService
    outputs: OutputService
    engines: EngineHost
    registry: EngineRegistry
    voices: VoiceService
    cloning: CloningService
    renderer: Renderer
    fetcher: Fetcher
    transcription: TranscriptionService
    translation: TranslationService
    work: DurableWork
    announce: Callable[[str], Awaitable[None]]
    """Tells of the events of a job that has ended."""


def build_dubbing(around: Surroundings) -> DubbingService:
    """The service, and the workflow behind it."""
    files = DubFiles(around.settings, around.storage, around.database, around.jobs)
    store, sources = DubStore(around.database), Sources(around.settings, files, around.fetcher)
    stages = _stages(around, files, store, sources)
    steps = DubSteps(node_id=around.node_id, jobs=around.jobs, store=store, files=files, stages=stages)
    workflow.bind(steps, around.announce)
    checks = RequestChecks(
        settings=around.settings,
        registry=around.registry,
        voices=around.voices,
        cloning=around.cloning,
        transcription=around.transcription,
        translation=around.translation,
    )
    return DubbingService(
        settings=around.settings,
        database=around.database,
        jobs=around.jobs,
        outputs=around.outputs,
        checks=checks,
        sources=sources,
        files=files,
        work=around.work,
    )


def _stages(around: Surroundings, files: DubFiles, store: DubStore, sources: Sources) -> Mapping[str, Stage]:
    """All stages by name."""
    clones = SpeakerClones(around.settings, files, around.accounts, around.cloning)
    takes = Takes(files=files, renderer=around.renderer, registry=around.registry, voices=around.voices, clones=clones)
    return {
        "fetch": Fetch(around.settings, files, around.fetcher),
        "probe": Probe(files, sources, store, around.jobs),
        "extract": Extract(around.settings, files),
        "listen": Listen(files),
        "separate": Separate(files, around.engines, around.registry),
        "speakers": Speakers(files, store, clones),
        "transcribe": Transcribe(files, store, around.transcription),
        "translate": Translate(store, around.translation, around.voices),
        "speak": Speak(store, takes),
        "plan": Plan(store, takes),
        "fit": Fit(store, takes, around.translation),
        "mix": Mix(files, store, takes),
        "mux": MuxStage(files),
        "verify": Verify(files),
        "publish": Publish(around.database, around.jobs, around.outputs, files, store),
    }
