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


class Settings(BaseSettings):
    """How this node runs. Each field is the environment variable `MYNA_` + its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="MYNA_", toml_file="myna.toml", extra="ignore")

    # Where things are
    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("myna")))
    """Folder for the database, the files and the secret of a single node."""
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
    """Engines that may be used, the preferred first. Of those that speak, that hear and that translate: when none is
    named, all that are installed, except those for tests."""
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
    translation_url: str = ""
    """A language model that translates: the base of any OpenAI-compatible API, such as `http://127.0.0.1:11434/v1`."""
    translation_key: SecretStr = SecretStr("")
    """The API key for it, if it wants one."""
    translation_model: str = ""
    """The name under which it knows the model. Most servers want one."""
    engine_memory_mb: int = Field(2048, ge=64)
    """A child process that has grown beyond this is replaced after its work."""
    engine_idle_seconds: float = Field(600.0, ge=1)
    """A child process that had nothing to do for this long is let go."""
    engine_queue: int = Field(256, ge=1)
    """Requests that may wait for one engine; a further one gets 503 with Retry-After."""

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
