"""ModelsLab's API, put together: v6, the enterprise mirror, and what of v7 the command line uses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from fastapi import FastAPI, Request

from myna.http.errors import install_error_handlers
from myna.http.modelslab.access import asking
from myna.http.modelslab.access import required_key as read_key
from myna.http.modelslab.dubbing import Dubbing
from myna.http.modelslab.errors import FeatureNotAvailable, error_response, surround
from myna.http.modelslab.fetching import Fetching
from myna.http.modelslab.speech import Speaking
from myna.http.modelslab.transcribing import Transcribing
from myna.http.modelslab.uploads import Uploads
from myna.http.services import Services

__all__ = ["ENCODED", "OWNED_PATHS", "create_api", "read_key", "surround"]

OWNED_PATHS = ("/api/v6", "/api/v7", "/api/v1/enterprise", "/api/voice_list")

V6, V7, ENTERPRISE = "/api/v6", "/api/v7", "/api/v1/enterprise"

Endpoint = Callable[[Request], Awaitable[dict[str, Any]]]

_WITH_FILES = (
    "create_dubbing",
    "text_to_audio",
    "voice_to_voice",
    "voice_cover",
    "speech_to_text",
    "voice_upload",
    "base64_to_url",
    "vocal_isolator",
)
_OUT_OF_SCOPE = {
    "voice_to_voice": "changing the voice of a recording",
    "voice_cover": "song covers",
    "vocal_isolator": "isolating voices",
    "voice_design": "designing voices by description",
    "sfx": "sound effects",
    "music_gen": "music",
    "song_generator": "songs",
    "lyrics_generator": "lyrics",
    "song_extender": "songs",
    "song_inpaint": "songs",
}
_ADMINISTRATION = ("system_details", "restart_server", "update", "clear_cache", "clear_queue")
"""Of the enterprise mirror: what an operator does here with `myna` itself."""
_OTHER_NAMES = {"voice_to_voice": ("speech_to_speech",), "sfx": ("sound_generation",)}
"""Of v7."""


def _paths(name: str) -> Iterator[str]:
    """Where an endpoint is found."""
    yield f"{V6}/voice/{name}"
    yield f"{ENTERPRISE}/voice/{name}"
    for known in (name, *_OTHER_NAMES.get(name, ())):
        yield f"{V7}/voice/{known}"
        if "_" in known:
            yield f"{V7}/voice/{known.replace('_', '-')}"


ENCODED = {path: 2 if name == "voice_to_voice" else 1 for name in _WITH_FILES for path in _paths(name)} | {
    f"{V6}/base64_to_url": 1,
    f"{V6}/whisper/transcribe": 1,
}


def create_api(services: Services) -> FastAPI:
    """ModelsLab's API on our services. https://docs.modelslab.com"""
    app = FastAPI(title="ModelsLab", openapi_url=None, redirect_slashes=False)
    install_error_handlers(app, error_response)
    speaking, uploads, fetching = Speaking(services), Uploads(services), Fetching(services)
    transcribing = Transcribing(services)
    endpoints: dict[str, Endpoint] = {
        "create_dubbing": Dubbing(services).create,
        "text_to_speech": speaking.text_to_speech,
        "text_to_audio": speaking.text_to_audio,
        "speech_to_text": transcribing.speech_to_text,
        "voice_upload": uploads.voice_upload,
        "voice_list": uploads.voice_list,
        "base64_to_url": uploads.sound_to_url,
        "fetch": fetching.fetch,
        **{name: _refusal(services, what) for name, what in _OUT_OF_SCOPE.items()},
    }
    for name, endpoint in endpoints.items():
        for path in _paths(name):
            app.add_api_route(path, _route(endpoint), methods=["POST"])
    for name in _ADMINISTRATION:
        refuse = _route(_refusal(services, "the administration of servers through this API"))
        app.add_api_route(f"{ENTERPRISE}/voice/{name}", refuse, methods=["POST"])
    app.add_api_route(f"{V6}/whisper/transcribe", _route(transcribing.speech_to_text), methods=["POST"])
    app.add_api_route(f"{V6}/base64_to_url", _route(uploads.file_to_url), methods=["POST"])
    for base in (V6, ENTERPRISE):
        app.add_api_route(f"{base}/processing/request_count", _route(fetching.request_count), methods=["POST"])
    app.add_api_route("/api/voice_list", _route(uploads.public_voice_list), methods=["GET"])
    for path in (f"{V6}/voice", f"{V6}/whisper", f"{V7}/voice", f"{ENTERPRISE}/voice"):
        app.add_api_route(f"{path}/fetch/{{number}}", _fetch(fetching), methods=["POST"])
    return app


def _route(endpoint: Endpoint) -> Endpoint:
    """The body is read after the key was checked; FastAPI would do it before."""

    async def route(request: Request) -> dict[str, Any]:
        return await endpoint(request)

    return route


def _fetch(fetching: Fetching) -> Callable[[Request, str], Awaitable[dict[str, Any]]]:
    async def route(request: Request, number: str) -> dict[str, Any]:
        return await fetching.fetch(request, number)

    return route


def _refusal(services: Services, what: str) -> Endpoint:
    """Known to the vendor, and not offered here: that is said, to those with a key."""

    async def refuse(request: Request) -> dict[str, Any]:
        await asking(request, services)
        raise FeatureNotAvailable(f"Feature not available: this server does not offer {what}.")

    return refuse
