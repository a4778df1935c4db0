from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse

from myna.errors import MynaError
from myna.http.errors import install_error_handlers
from myna.http.metrics import Metrics
from myna.http.server import Facade, create_server
from myna.settings import Settings
from tests.fixtures.asgi import Connection, http_scope


def services(**settings):
    """The layers around an API need no more than this, as long as no key is sent."""
    return SimpleNamespace(settings=Settings(**settings), metrics=Metrics(), database=None, node_id="node")


def facade(name, *owned_paths, prefix=""):
    def respond(error: MynaError):
        return JSONResponse({"api": name, "code": error.code, "message": error.message}, error.status)

    app = FastAPI(openapi_url=None)
    install_error_handlers(app, respond)

    @app.get("/{path:path}")
    async def where(request: Request, path: str):
        if path.endswith("crash"):
            raise ValueError("the secret reason")
        if path.endswith("number"):
            int_of = {"number": 1}[request.query_params.get("key", "number")]
            return {"number": int_of}
        return {"api": name, "path": request.url.path}

    @app.post("/v1/count/{number}")
    async def count(number: int):
        return number

    return Facade(name, app, owned_paths, respond, prefix=prefix)


def server(**settings):
    facades = [
        facade("openai", "/v1/audio", "/v1/models", prefix="/openai"),
        facade("stablecog", "/v1/audio/voiceover", "/v1/credits", prefix="/stablecog"),
        facade("native", "/myna"),
    ]
    return create_server(services(**settings), facades=facades)


@pytest.mark.parametrize(
    ("path", "api", "inner"),
    [
        ("/v1/audio/speech", "openai", "/v1/audio/speech"),
        ("/v1/audio", "openai", "/v1/audio"),
        ("/v1/audio/voiceover/create", "stablecog", "/v1/audio/voiceover/create"),
        ("/v1/audio/voiceovers", "openai", "/v1/audio/voiceovers"),
        ("/openai/v1/models", "openai", "/v1/models"),
        ("/stablecog/v1/models", "stablecog", "/v1/models"),
        ("/openai", "openai", "/"),
        ("/openaimodels", "native", "/openaimodels"),
        ("/myna/v1/jobs", "native", "/myna/v1/jobs"),
        ("/v1/modelsx", "native", "/v1/modelsx"),
        ("/", "native", "/"),
        ("/stablecog/v1/a%20b", "stablecog", "/v1/a b"),
    ],
)
async def test_the_longest_owned_path_decides(client, path, api, inner):
    async with client(server()) as http:
        assert (await http.get(path)).json() == {"api": api, "path": inner}


async def test_what_nobody_owns_goes_by_the_header_of_the_client(client):
    keyed = replace(facade("keyed", "/api/v1/voices", prefix="/keyed"), key_header="x-api-key")
    app = create_server(services(), facades=[keyed, facade("openai", "/v1/audio"), facade("native", "/myna")])
    async with client(app) as http:
        for path, api in (("/v1/voices", "keyed"), ("/", "keyed"), ("/myna", "native"), ("/v1/audio/x", "openai")):
            assert (await http.get(path, headers={"x-api-key": "any"})).json()["api"] == api
        assert (await http.get("/v1/voices")).json()["api"] == "native"


async def test_every_error_is_in_the_words_of_its_api(client):
    async with client(server()) as http:
        crash = await http.get("/v1/audio/crash")
        assert (crash.status_code, crash.json()["api"]) == (500, "openai")
        assert "secret" not in crash.text
        wrong_method = await http.delete("/stablecog/v1/x")
        assert (wrong_method.status_code, wrong_method.json()["code"]) == (405, "method_not_allowed")
        invalid = await http.post("/myna/../v1/count/abc")
        assert (invalid.status_code, invalid.json()["code"]) == (400, "invalid_request")
        assert "number" in invalid.json()["message"]
        for answer in (crash, wrong_method, invalid):
            assert answer.headers["x-request-id"]


async def test_routes_are_counted_by_template(client):
    known = services()
    app = create_server(known, facades=[facade("native", "/")])
    async with client(app) as http:
        for number in range(5):
            await http.post(f"/v1/count/{number}")
    text = known.metrics.render().decode()
    assert 'myna_http_requests_total{api="native",method="POST",route="/v1/count/{number}",status="200"} 5.0' in text


async def test_browsers_may_call_from_anywhere_unless_told_otherwise(client):
    ask = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    async with client(server()) as http:
        assert (await http.options("/v1/models", headers=ask)).headers["access-control-allow-origin"] == "*"
        exposed = (await http.get("/v1/models", headers=ask)).headers["access-control-expose-headers"]
        assert "x-request-id" in exposed
        assert "Link" in exposed
    async with client(server(cors_origins=["https://studio.example"])) as http:
        answer = await http.get("/v1/models", headers=ask)
        assert "access-control-allow-origin" not in answer.headers
    async with client(server(cors_origins=[])) as http:
        answer = await http.get("/v1/models", headers=ask)
        assert "access-control-expose-headers" not in answer.headers


class TestLifespan:
    @staticmethod
    async def live(lifespan):
        connection = Connection({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
        app = create_server(services(), facades=[facade("native", "/")], lifespan=lifespan)
        try:
            await app({"type": "lifespan"}, connection.receive, connection.send)
        finally:
            types = [message["type"] for message in connection.sent]
        return types

    async def test_without_one(self):
        assert await self.live(None) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    async def test_it_surrounds_the_serving(self):
        seen = []

        @asynccontextmanager
        async def lifespan():
            seen.append("start")
            yield
            seen.append("stop")

        assert await self.live(lifespan) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert seen == ["start", "stop"]

    async def test_a_failed_start_is_told(self):
        @asynccontextmanager
        async def lifespan():
            raise RuntimeError("no database")
            yield

        connection = Connection({"type": "lifespan.startup"})
        app = create_server(services(), facades=[facade("native", "/")], lifespan=lifespan)
        with pytest.raises(RuntimeError):
            await app({"type": "lifespan"}, connection.receive, connection.send)
        assert connection.sent == [{"type": "lifespan.startup.failed", "message": "no database"}]


async def test_websockets_are_closed():
    connection = Connection({"type": "websocket.connect"})
    scope = {**http_scope(), "type": "websocket"}
    await server()(scope, connection.receive, connection.send)
    assert connection.sent == [{"type": "websocket.close", "code": 1000}]


async def test_plain_asgi_apps_fit_too(client):
    plain = Facade("native", PlainTextResponse("plain"), ("/",), lambda error: PlainTextResponse(error.code))
    async with client(create_server(services(), facades=[plain])) as http:
        assert (await http.get("/anything")).text == "plain"
