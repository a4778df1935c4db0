"""Every knob, its default and its limit. Read from `MYNA_*` in the environment, then from `myna.toml`."""

from __future__ import annotations

import json
import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

Switch = Literal["on", "off"]


def _split(value: Any) -> Any:
    """`espeak,flite` and `["espeak", "flite"]` are the same."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("neither names, separated by commas, nor a list in JSON") from None
    return [part.strip() for part in value.split(",") if part.strip()]


Names = Annotated[list[str], NoDecode, BeforeValidator(_split)]
"""In the environment: names, separated by commas."""


RemoteOption = Literal["speed", "seed", "temperature"]
RemoteOptions = Annotated[list[RemoteOption], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """How this node runs. Each field is the environment variable `MYNA_` + its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="MYNA_", toml_file="myna.toml", extra="ignore")

    # Where things are
    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("myna")))
    """Folder for the database, the files and the secret of a single node."""
    models_dir: Path | None = None
    """Folder for the models of neural engines. Empty: `models` in the data folder."""
    database_url: str = ""
    """`sqlite:///path` or `postgresql://user@host/name`. Empty: SQLite in the data folder."""
    storage_url: str = ""
    """`file:///path`, `s3://bucket/prefix` or `memory://`. Empty: a folder in the data folder."""
    storage_endpoint: str = ""
    """Address of an S3-compatible server that is not AWS, for example `http://127.0.0.1:9000`."""
    public_url: str = ""
    """The address that clients see, for links. Empty: taken from the Host header of each request."""
    secret: SecretStr = SecretStr("")
    """Signs links and hashes keys; the same on all nodes. Empty: made once and kept in the data folder."""

    # This node
    host: str = "127.0.0.1"
    """Address to listen on. `0.0.0.0` is all of this machine's."""
    port: int = Field(8311, ge=0, le=65535)
    """Port to listen on; `0` takes a free one."""
    serve_http: bool = True
    """Answer on HTTP."""
    work: bool = True
    """Take work from the queue."""
    worker_concurrency: int = Field(4, ge=1, le=256)
    """Queued jobs that run at once on this node."""
    dubs_at_once: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 1) // 2), ge=1, le=256)
    """Dubs that are worked on at once on this node."""
    queue_poll_seconds: float = Field(0.2, ge=0.01, le=10)
    """How often the queue is looked at. Interactive requests do not wait for it."""
    heartbeat_seconds: float = Field(1.0, ge=0.1, le=60)
    """How often a node says that it lives."""
    dead_after_seconds: float = Field(6.0, ge=0.5, le=600)
    """A node that is silent for this long is dead; its jobs go on elsewhere."""
    stop_seconds: float = Field(10.0, ge=0, le=600)
    """How long a graceful stop waits for work in flight."""
    log_format: Literal["console", "json"] = "console"
    """`json` writes one object for each line, for machines."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""

    cors_origins: Names = Field(default_factory=lambda: ["*"])
    """Web pages that may call this server from a browser, such as `https://studio.example.org`. Empty: none."""

    # Engines
    engines: Names = Field(default_factory=list)
    """Engines that may be used, the preferred first. Of those that speak, hear, translate, separate or denoise: when
    none is named, all that are installed, except those for tests."""
    engine_pythons: dict[str, Path] = Field(default_factory=dict)
    """Engines whose libraries live in an environment of their own: `{"pocket": "/opt/pocket/bin/python"}`. Those that
    `myna engines install` made are known without it."""
    engine_devices: dict[str, str] = Field(default_factory=dict)
    """Where an engine computes, if not where it would by itself: `{"chatterbox": "cpu"}`, else `cuda` or `mps`."""
    engine_threads: int = Field(0, ge=0, le=256)
    """Threads of one process of a neural engine. `0`: the cores, shared out among `MYNA_ENGINE_PROCESSES`."""
    ctranslate_compute_type: Literal["int8", "int8_float16", "int8_float32", "float16", "bfloat16", "float32"] = "int8"
    """Numbers with which the engines `whisper` and `ctranslate` compute, whatever their models are stored in."""
    whisper_model: str = ""
    """The Whisper model to hear with, as `myna models list` names it. Empty: the largest that is here."""
    kokoro_model: str = ""
    """The Kokoro model to speak with, as `myna models list` names it. Empty: `kokoro`, else the first that is here."""
    whisper_beam: int = Field(5, ge=1, le=20)
    """Ways to go on that Whisper keeps in view while it writes. More are slower."""
    translation_beam: int = Field(4, ge=1, le=20)
    """Translations of a sentence that the engine `ctranslate` keeps in view. More are slower."""
    voice_aliases: dict[str, str] = Field(default_factory=dict)
    """Other voices for vendors' names: `{"magichour:Label": "espeak:en-us.f3"}`. See docs/voices.md."""
    engine_processes: int = Field(default_factory=lambda: max(1, min(4, os.cpu_count() or 1)), ge=1, le=64)
    """Child processes for one engine."""
    engine_start_seconds: float = Field(60.0, ge=1, le=3600)
    """How long an engine may take to load."""
    engine_silence_seconds: float = Field(30.0, ge=0.1, le=3600)
    """An engine that says nothing for this long in the middle of its work hangs, and is replaced."""
    engine_prepare_seconds: float = Field(120.0, ge=0.1, le=3600)
    """How long an engine may take to make a voice of a recording."""
    engine_recognise_seconds: float = Field(300.0, ge=0.1, le=3600)
    """How long an engine may take to hear, or to align, one stretch of speech (up to a minute or so)."""
    engine_translate_seconds: float = Field(300.0, ge=0.1, le=3600)
    """How long an engine may take to translate a batch of lines."""
    engine_block_seconds: float = Field(120.0, ge=0.1, le=3600)
    """How long an engine may take to separate, or to denoise, one block of sound (up to ten seconds)."""
    denoiser: str = ""
    """The engine that takes noise out of speech and of recordings, such as `sherpa`. Empty: the embedded RNNoise."""
    translation_url: str = ""
    """A language model that translates: the base of any OpenAI-compatible API, such as `http://127.0.0.1:11434/v1`."""
    translation_key: SecretStr = SecretStr("")
    """The API key for it, if it wants one."""
    translation_model: str = ""
    """The name under which it knows the model. Most servers want one."""
    engine_memory_mb: int = Field(2048, ge=64)
    """A child process that has grown by this since its first answer is replaced after its work."""
    engines_at_once: int = Field(0, ge=0, le=64)
    """Engines, of all kinds, that may be in memory at the same time. Another one waits until the one that was not used
    for the longest time has ended its work and its processes. `0`: all of them; `1`: one model at a time."""
    engine_idle_seconds: float = Field(600.0, ge=1)
    """A child process that had nothing to do for this long is let go."""
    warm_engines: Names = Field(default_factory=list)
    """Engines of any kind to start before a node says that it is ready. Empty: the preferred one that speaks."""
    engine_queue: int = Field(256, ge=1)
    """Requests that may wait for one engine to begin with them, three quarters of them of one account; a further one
    gets 503 with Retry-After. Streams that have begun, and accepted jobs, are not counted. Accounts take turns."""

    # Models
    offline: Switch = "off"
    """`on` never asks the network for a model: `myna models pull` says which files to bring instead."""
    hub_url: str = Field("https://huggingface.co", pattern=r"^https?://[^/]")
    """Where models come from: the public hub, or a mirror of it."""
    hub_token: SecretStr = SecretStr("")
    """A token of the hub, for models whose terms must be agreed to. Empty: `HF_TOKEN` of the environment."""
    allow_non_commercial: Switch = "off"
    """`on` also takes models whose licence forbids commercial use."""
    models_file: Path | None = None
    """A file with further models to pull, in the form of `src/myna/models/data/models.json`."""

    # Remote speech
    remote_url: Names = Field(default_factory=list)
    """Speech servers with OpenAI's API that the engine `remote` asks in turn, such as `http://gpu-1:8880/v1`."""
    remote_key: SecretStr = SecretStr("")
    """The API key for them; when they differ, as many as there are servers, separated by commas."""
    remote_model: str = "tts-1"
    """The name under which they know the model."""
    remote_voices: Names = Field(default_factory=list)
    """Their voices: `af_heart`, or with the language `vivian=zh-CN`. Empty: they are asked when Myna starts."""
    remote_languages: Names = Field(default_factory=lambda: ["en-US"])
    """What a voice speaks of which nobody says more, as BCP 47 tags."""
    remote_format: Literal["pcm", "wav", "flac", "mp3"] = "pcm"
    """What they are asked for. Only `pcm` is passed on while it comes; a server that refuses it is asked for WAV."""
    remote_pcm_rate: int = Field(24_000, ge=8_000, le=192_000)
    """Hz of their `pcm`, which does not say so itself."""
    remote_options: RemoteOptions = Field(default_factory=lambda: list[RemoteOption](["speed"]))
    """What they honour, of `speed`, `seed` and `temperature`."""
    remote_fields: dict[str, Any] = Field(default_factory=dict)
    """Further fields of each request, such as `{"language": "Auto"}`; `{language}` in a text becomes the tag."""
    remote_at_once: int = Field(8, ge=1, le=64)
    """Requests that this node has with them at once; each takes a small child process."""
    remote_connect_seconds: float = Field(5.0, gt=0, le=600)
    """How long a connection to one of them may take."""
    remote_first_byte_seconds: float = Field(60.0, gt=0, le=3_600)
    """How long the first sound may take."""
    remote_idle_seconds: float = Field(15.0, gt=0, le=3_600)
    """How long nothing may come in the middle of the sound."""
    remote_whole_seconds: float = Field(300.0, gt=0, le=7_200)
    """How long all of a sentence's sound may take, however steadily it comes."""
    remote_attempts: int = Field(3, ge=1, le=20)
    """How often a request is tried, at other servers first, while nothing of its sound has come."""
    remote_failures: int = Field(5, ge=1, le=1_000)
    """A server that fails so often in a row is left alone for a while …"""
    remote_rest_seconds: float = Field(15.0, gt=0, le=3_600)
    """… for so long; then one request tries whether it is well again."""

    # Verified speech
    verify_speech: Literal["off", "on", "streams"] = "off"
    """`on` has what was spoken heard by a recogniser and spoken again when words are missing; `streams` also while
    somebody listens, who then waits longer for each sentence."""
    verify_score: float = Field(0.8, ge=0, le=1)
    """The share of the words that has to be heard, for a sentence to be good enough."""
    verify_attempts: int = Field(3, ge=1, le=10)
    """How often a sentence is spoken at most; the best one is kept."""
    verify_seconds: float = Field(60.0, gt=0)
    """How long one request may take longer for this. What is left then is not looked at."""

    # Limits
    rate_limits: Switch = "on"
    """`off` lets every key ask as often as it likes."""
    requests_per_minute: int = Field(600, ge=1)
    """Requests of one key through the native and OpenAI routes. The other vendors' routes follow their own rules."""
    wrong_keys_per_minute: int = Field(30, ge=1)
    """Wrong API keys from one address; after these, keys that were not right before get 429 for up to a minute."""
    max_json_bytes: int = Field(1_000_000, ge=1_000)
    """Bytes of a JSON body, and of all fields of a form together."""
    max_upload_bytes: int = Field(200_000_000, ge=1_000)
    """Bytes of a file that is sent to an upload link."""
    max_text_characters: int = Field(50_000, ge=1)
    """Characters of one job through the native API; the vendors' endpoints have their own limits."""
    max_queued_jobs: int = Field(1_000, ge=1)
    """Jobs of one account that may be queued or running."""
    max_concurrent_streams: int = Field(32, ge=1)
    """Speech streams of one account that may run at once."""
    max_webhook_endpoints: int = Field(10, ge=1)
    """Webhook endpoints of one account."""
    max_reference_bytes: int = Field(26_214_400, ge=1_000)
    """Bytes of a recording to clone a voice from, and of a consent recording."""
    min_reference_seconds: float = Field(3.0, ge=1.0)
    """The shortest recording that a voice is made from."""
    max_reference_seconds: float = Field(120.0, ge=3.0, le=600.0)
    """The longest recording that a voice is made from."""
    max_voices: int = Field(100, ge=1)
    """Cloned voices of one account."""
    max_concurrent_clones: int = Field(2, ge=1)
    """Recordings that one account may have examined or previewed at once."""
    max_dub_languages: int = Field(10, ge=1, le=100)
    """Languages that one dub may have."""
    max_dub_bytes: int = Field(1_000_000_000, ge=1_000)
    """Bytes of the source of a dub."""
    max_inline_film_bytes: int = Field(104_857_600, ge=1_000)
    """Bytes of the source of a dub that is sent within JSON, as a data URL. A form, or an address, takes more."""
    max_dub_seconds: float = Field(7_200.0, ge=1)
    """Seconds of the source of a dub."""
    dub_fetch_seconds: float = Field(600.0, ge=1, le=7_200)
    """How long the source of a dub may take to come from its address."""
    max_video_width: int = Field(3_840, ge=16)
    """Pixels of the longer side of a video's picture."""
    max_video_height: int = Field(2_160, ge=16)
    """Pixels of the shorter side."""
    max_frames_per_second: float = Field(120.0, ge=1)
    """Pictures in a second of video."""
    max_sound_tracks: int = Field(8, ge=1)
    """Sound tracks of a video."""
    fetch_allow: str = ""
    """Private networks that URL inputs and webhooks may reach: CIDRs, separated by commas."""

    # Voices
    consent: Literal["affirmed", "recording"] = "affirmed"
    """What a clone needs: `affirmed`, the word of whoever makes it; `recording`, also a recording of the speaker."""
    verified_previews: Switch = "off"
    """`on` keeps a voice only when its preview was made by this server."""
    blocked_voice_similarity: float = Field(0.82, ge=0.5, le=1.0)
    """A recording this close to a blocked voice is refused. Same speakers score 0.85 and more, others up to 0.75."""

    # ModelsLab
    modelslab_legacy_status: Switch = "off"
    """`on` answers errors of ModelsLab's API with the status 200, as its service long did."""
    modelslab_wait_seconds: float = Field(8.0, ge=0, le=25)
    """How long ModelsLab's speech endpoints wait for the sound before they answer `processing`."""

    # Money
    prices: Switch = "on"
    """`off` makes everything free."""
    stablecog_credits_per_character: float = Field(0.0175, ge=0)
    """Stablecog's price, rounded up to whole credits."""
    magichour_characters_per_credit: int = Field(20, ge=1)
    """Magic Hour's price, rounded up to whole credits."""
    openai_millicredits_per_character: int = Field(15, ge=0)
    """Thousandths of a credit. Also the price of the native API."""
    munsit_millicredits_per_wallet_credit: int = Field(50, ge=0)
    """What one credit of Munsit's wallet is worth; each character costs two of them."""
    dub_millicredits_per_second: int = Field(250, ge=0)
    """Thousandths of a credit for each second of a dub's source in each language."""
    dub_estimate_seconds: float = Field(60.0, ge=1)
    """A source that is yet to be fetched counts as this long; the real price is held as soon as it is known."""
    transcription_millicredits_per_second: float = Field(10.0, ge=0)
    """A second of a recording that is transcribed, in thousandths of a credit."""
    modelslab_millicredits_per_character: int = Field(15, ge=0)
    """ModelsLab's speech, in thousandths of a credit. Its dubs have the price of all dubs."""
    hold_seconds: float = Field(86_400.0, ge=60)
    """A hold whose work is gone is released after this long."""

    # Time
    link_seconds: float = Field(86_400.0, ge=1)
    """How long a download link works."""
    upload_days: float = Field(7.0, gt=0)
    """How long an uploaded input is kept."""
    idempotency_hours: float = Field(24.0, ge=24)
    """How long the answer to a request with an Idempotency-Key is kept."""
    munsit_socket_idle_seconds: float = Field(60.0, ge=0.1)
    """How long a connection to Munsit's WebSocket may say nothing while nothing is spoken."""
    stablecog_timeout_seconds: float = Field(180.0, gt=0)
    """How long Stablecog's create waits before it answers TIMEOUT."""
    stablecog_links_expire: bool = False
    """Stablecog's files are public for ever; `true` makes their links expire like all others."""

    # Stablecog's tables
    stablecog_default_speaker: str = "0140c5dc-af12-4643-bfec-650d3cd03c56"
    """Speaker of a voiceover for which none is chosen: one of the ids that `/v1/audio/voiceover/models` lists."""
    stablecog_model_name: str = "bark"
    """Under which name the default model is listed."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def resolved_models_dir(self) -> Path:
        """Where the models of neural engines lie."""
        return self.models_dir or self.data_dir / "models"

    @property
    def environments_dir(self) -> Path:
        """Where `myna engines install` puts the environments of engines, a folder for each."""
        return self.data_dir / "environments"

    @property
    def resolved_engine_pythons(self) -> dict[str, Path]:
        """The Python of each engine that has an environment of its own."""
        made = {path.parent.name: path.parent / "bin" / "python" for path in self.environments_dir.glob("*/complete")}
        return made | self.engine_pythons

    @property
    def threads_per_process(self) -> int:
        """For the libraries of a neural engine."""
        return self.engine_threads or max(1, (os.cpu_count() or 1) // self.engine_processes)

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'myna.sqlite'}"

    @property
    def resolved_storage_url(self) -> str:
        return self.storage_url or f"file://{self.data_dir.absolute() / 'files'}"

    @cached_property
    def secret_key(self) -> bytes:
        """The secret: given, or made on first use and kept in the data folder, readable by its owner alone."""
        if given := self.secret.get_secret_value():
            return given.encode()
        path = self.data_dir / "secret"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode())
        return path.read_bytes()
