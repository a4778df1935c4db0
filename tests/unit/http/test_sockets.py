from __future__ import annotations

from types import SimpleNamespace

from fastapi import FastAPI, WebSocket
from starlette.responses import PlainTextResponse

from myna.http.metrics import Metrics
from myna.http.server import Facade, create_server
from myna.settings import Settings
from tests.fixtures.asgi import Connection, http_scope


def facade(name, path, sockets):
    app = FastAPI(openapi_url=None)

    @app.websocket("/v1/{word}")
    async def talk(socket: WebSocket, word: str):
        await socket.accept()
        if word == "crash":
            raise ValueError("the secret reason")
        await socket.send_text(f"{name} {word}")
        await socket.close(4_000)

    return Facade(name, app, (path,), lambda error: PlainTextResponse(error.code), prefix=f"/{name}", sockets=sockets)


async def talk(path):
    services = SimpleNamespace(settings=Settings(), metrics=Metrics(), database=None, node_id="node")
    facades = [facade("deaf", "/v1/deaf", False), facade("munsit", "/v1", True)]
    connection = Connection({"type": "websocket.connect"})
    app = create_server(services, facades=facades)
    await app({**http_scope(path=path), "type": "websocket"}, connection.receive, connection.send)
    return connection.sent, services.metrics.render().decode()


async def test_they_reach_the_api_that_takes_them():
    for path in ("/v1/hello", "/munsit/v1/hello"):
        sent, metrics = await talk(path)
        assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
        assert sent[1]["text"] == "munsit hello"
        assert sent[2]["code"] == 4_000
        assert 'api="munsit",method="GET",route="/v1/{word}",status="101"} 1.0' in metrics


async def test_other_apis_refuse_them():
    for path in ("/v1/deaf", "/deaf/v1/hello"):
        sent, metrics = await talk(path)
        assert sent == [{"type": "websocket.close", "code": 1000}]
        assert 'api="deaf"' in metrics


async def test_unknown_paths_are_refused():
    sent, _ = await talk("/munsit/v2/x")
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_what_nobody_expected_ends_the_connection_without_a_word():
    sent, metrics = await talk("/v1/crash")
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[-1]["code"] == 1011
    assert "secret" not in str(sent)
    assert "myna_http_requests_in_flight 0.0" in metrics
