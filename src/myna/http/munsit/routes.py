"""Munsit's API, put together."""

from __future__ import annotations

from fastapi import FastAPI

from myna.http.errors import install_error_handlers
from myna.http.munsit.access import KEY_HEADER, read_key
from myna.http.munsit.errors import error_response
from myna.http.munsit.speech import speech_router
from myna.http.munsit.voices import voices_router
from myna.http.munsit.websocket import socket_router
from myna.http.services import Services

__all__ = ["KEY_HEADER", "OWNED_PATHS", "RECORDINGS", "SOCKETS", "create_api", "read_key"]

OWNED_PATHS = (
    "/api/v1/voices",
    "/api/v1/models",
    "/api/v1/text-to-speech",
    "/api/v1/websocket",
    "/api/v1/tashkil",
    # Speech recognition, which is not here; its clients read errors in these words.
    "/api/v1/audio",
    "/api/v1/diarization",
    "/api/v1/minutes-of-meeting",
    "/api/v1/listen",
)
RECORDINGS = {"/api/v1/voices/preview": 1, "/api/v1/voices/clone": 2}
SOCKETS = True


def create_api(services: Services) -> FastAPI:
    """Munsit's API on our services. https://docs.munsit.com/api-reference"""
    app = FastAPI(title="Munsit", openapi_url=None, redirect_slashes=False)
    install_error_handlers(app, error_response)
    for router in (voices_router, speech_router, socket_router):
        app.include_router(router(services))
    return app
