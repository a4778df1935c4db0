"""The paths of the Stablecog API, as it was on 3 November 2023. Each also answers with a trailing slash.

The vendor's pages: https://stablecog.com/docs/v1/api-reference/audio/voiceover/{create,outputs,models,defaults}.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from myna.accounts.schemas import Caller
from myna.errors import VoiceNotFound
from myna.http.auth import authenticate
from myna.http.errors import install_error_handlers
from myna.http.services import Services
from myna.http.stablecog import mapping
from myna.http.stablecog.creation import Creation
from myna.http.stablecog.errors import UNKNOWN_ERROR, Answer, error_response, trouble_as
from myna.http.stablecog.gate import Abandoned
from myna.http.stablecog.guards import CREATE, CREDITS, DEFAULTS, MODELS, OUTPUTS, Guards, read_key
from myna.http.stablecog.links import link_maker
from myna.http.stablecog.query import read_outputs_query
from myna.http.stablecog.speakers import Speaker, cloned_speaker, load_models, own_speaker

__all__ = ["OWNED_PATHS", "create_api", "read_key"]

HEALTH = "/v1/health"
OWNED_PATHS = ("/v1/audio/voiceover", CREDITS, HEALTH, "/")
CLIENT_CLOSED_REQUEST = 499


def create_api(services: Services) -> FastAPI:
    """The Stablecog API as an app of its own."""
    api = FastAPI(title="Stablecog voiceover", openapi_url=None, redirect_slashes=False)
    install_error_handlers(api, error_response)
    api.add_middleware(Guards, services=services)
    _Routes(services).add_to(api)
    return api


class _Routes:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._models = load_models(services.voices, services.settings)
        self._creation = Creation(services, self._models)

    def add_to(self, api: FastAPI) -> None:
        for path, method, endpoint in (
            (CREATE, "POST", self.create_voiceover),
            (OUTPUTS, "GET", self.list_outputs),
            (MODELS, "GET", self.list_models),
            (DEFAULTS, "GET", self.show_defaults),
            (CREDITS, "GET", self.list_credits),
            (HEALTH, "GET", self.report_health),
            ("", "GET", self.report_health),
        ):
            for form in (path, f"{path}/"):
                if form:
                    api.add_api_route(form, endpoint, methods=[method], response_model=None)

    async def create_voiceover(self, request: Request) -> Response:
        async with trouble_as(UNKNOWN_ERROR):
            try:
                return Answer(await self._creation.create(request, await self._caller(request)))
            except Abandoned:
                return Response(status_code=CLIENT_CLOSED_REQUEST)

    async def list_outputs(self, request: Request) -> Response:
        caller = await self._caller(request)
        query = read_outputs_query(request.query_params.multi_items())
        async with trouble_as("Error getting voiceovers"):
            page = await self._services.outputs.list(
                caller.account.id, query.where, after=query.cursor, limit=query.per_page, order=query.order
            )
            total = None if query.cursor else await self._services.outputs.count(caller.account.id, query.where)
            speakers = await self._speakers(caller, mapping.unlisted_voices(page.items, self._models))
        return Answer(mapping.outputs(page, total, self._models, speakers, link_maker(self._services, request)))

    async def list_models(self) -> Response:
        return Answer(mapping.listed_models(self._models))

    async def show_defaults(self) -> Response:
        return Answer(mapping.defaults(self._models))

    async def list_credits(self, request: Request) -> Response:
        caller = await self._caller(request)
        async with trouble_as("Error getting credits"):
            return Answer(mapping.credits(await self._services.credits.list_credits(caller.account.id)))

    async def report_health(self) -> Response:
        return Answer({"status": "ok"})

    async def _speakers(self, caller: Caller, voice_ids: Collection[str]) -> dict[str, Speaker]:
        """Of the voices that are still there."""
        if not voice_ids:
            return {}
        cloned = await self._services.cloning.list(caller.account.id)
        speakers = {voice.id: cloned_speaker(voice) for voice in cloned if voice.id in voice_ids}
        for voice_id in set(voice_ids) - set(speakers):
            with suppress(VoiceNotFound):
                voice = await self._services.voices.get(voice_id, caller.account.id)
                speakers[voice_id] = own_speaker(voice.id, voice.language)
        return speakers

    async def _caller(self, request: Request) -> Caller:
        """Known already: the guards have let the request through."""
        return await authenticate(request, self._services, read_key)
