"""Myna's own API, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

import myna
from myna.http.errors import install_error_handlers
from myna.http.native import schemas
from myna.http.native.account import account_router
from myna.http.native.catalogue import catalogue_router, limits_router
from myna.http.native.cloning import cloning_router, portable_router
from myna.http.native.consents import consents_router
from myna.http.native.documentation import add_documentation
from myna.http.native.dubs import dub_lines_router, dubs_router
from myna.http.native.errors import error_response
from myna.http.native.files import files_router
from myna.http.native.health import health_router
from myna.http.native.jobs import jobs_router
from myna.http.native.outputs import outputs_router
from myna.http.native.voices import voices_router
from myna.http.native.webhooks import webhooks_router

if TYPE_CHECKING:
    from myna.http.services import Services

OWNED_PATHS = ("/myna", "/healthz", "/readyz", "/metrics", "/files", "/uploads")

RECORDINGS = {
    "/myna/v1/voices": 2,
    "/myna/v1/voices/report": 1,
    "/myna/v1/voices/preview": 1,
    "/myna/v1/voices/import": 2,
    "/myna/v1/voice-consents": 1,
}
FILMS = frozenset({"/myna/v1/dubs"})
FILMS_IN_JSON = FILMS

_ROUTERS = (
    jobs_router,
    outputs_router,
    voices_router,
    cloning_router,
    portable_router,
    consents_router,
    dubs_router,
    dub_lines_router,
    catalogue_router,
    limits_router,
    webhooks_router,
    account_router,
    files_router,
    health_router,
)


def create_api(services: Services) -> FastAPI:
    """Myna's own API on our services."""
    app = FastAPI(
        title="Myna",
        version=myna.__version__,
        openapi_url="/myna/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={"default": {"model": schemas.Problem, "description": "An error, as application/problem+json."}},
    )
    install_error_handlers(app, error_response)
    for router in _ROUTERS:
        app.include_router(router(services))
    add_documentation(app)
    return app
