from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from structlog.testing import capture_logs

from myna.errors import BodyTooLarge, MynaError, Unauthorized, Unavailable
from myna.http import middleware
from myna.http.context import context_of
from myna.http.errors import retry_headers
from myna.http.metrics import Metrics
from myna.http.middleware import AnswerAborted, BodyLimit, ErrorGuard, Forms, RequestFrame, body_of
from myna.settings import Settings
from tests.fixtures.asgi import Connection, http_scope, piece


def respond(error: MynaError) -> Response:
    return PlainTextResponse(f"vendor says {error.code}", error.status, retry_headers(error))


async def hello(scope, receive, send):
    await PlainTextResponse("hello")(scope, receive, send)


async def run(app, connection=None, **scope):
    connection = connection or Connection()
    await app(http_scope(**scope), connection.receive, connection.send)
    return connection


class TestRequestFrame:
    async def test_a_request_id_is_made(self):
        answer = await run(RequestFrame(hello, Metrics()))
        assert answer.headers["x-request-id"].startswith("req_")

    @pytest.mark.parametrize("given", ["abc-123", "a" * 128, "trace:1.2_3"])
    async def test_a_sane_request_id_is_kept(self, given):
        answer = await run(RequestFrame(hello, Metrics()), headers={"x-request-id": given})
        assert answer.headers["x-request-id"] == given

    @pytest.mark.parametrize("given", ["", "a" * 129, "a b", "a\r\nset-cookie: x", "ü"])
    async def test_a_strange_request_id_is_replaced(self, given):
        answer = await run(RequestFrame(hello, Metrics()), headers={"x-request-id": given})
        assert answer.headers["x-request-id"].startswith("req_")

    async def test_headers_of_the_context_are_added(self):
        async def app(scope, receive, send):
            context_of(scope).add_header("RateLimit", '"requests";r=1;t=2')
            await hello(scope, receive, send)

        assert (await run(RequestFrame(app, Metrics()))).headers["ratelimit"] == '"requests";r=1;t=2'

    async def test_one_log_line_without_what_is_private(self):
        async def app(scope, receive, send):
            context_of(scope).route = "/v1/models/{model}"
            context_of(scope).api = "openai"
            await hello(scope, receive, send)

        with capture_logs() as logs:
            await run(
                RequestFrame(app, Metrics()),
                path="/v1/models/secret-name",
                headers={"authorization": "Bearer myna_secret", "x-request-id": "r1"},
            )
        (line,) = logs
        assert line.pop("ms") >= 0
        assert line == {
            "event": "http.request",
            "log_level": "info",
            "api": "openai",
            "method": "GET",
            "route": "/v1/models/{model}",
            "status": 200,
            "bytes": 5,
            "account": None,
            "complete": True,
        }

    async def test_requests_are_counted(self):
        metrics = Metrics()
        await run(RequestFrame(hello, metrics))
        text = metrics.render().decode()
        assert 'myna_http_requests_total{api="native",method="GET",route="unmatched",status="200"} 1.0' in text
        assert "myna_http_requests_in_flight 0.0" in text

    async def test_an_aborted_answer_ends_without_an_end(self):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise AnswerAborted

        with capture_logs() as logs:
            answer = await run(RequestFrame(app, Metrics()))
        assert not answer.complete
        assert logs[0]["complete"] is False


class TestErrorGuard:
    async def test_an_unexpected_exception_is_logged_and_not_leaked(self):
        async def app(scope, receive, send):
            raise ValueError("the secret reason")

        with capture_logs() as logs:
            answer = await run(ErrorGuard(app, respond))
        assert (answer.status, answer.body) == (500, b"vendor says internal_error")
        assert logs[0]["event"] == "http.unexpected_error"
        assert logs[0]["exc_info"]

    async def test_the_database_is_away(self):
        async def app(scope, receive, send):
            raise Unavailable(retry_after=2.5)

        answer = await run(ErrorGuard(app, respond))
        assert (answer.status, answer.headers["retry-after"]) == (503, "3")

    async def test_a_started_answer_is_aborted(self):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise ValueError

        connection = Connection()
        with pytest.raises(AnswerAborted):
            await run(ErrorGuard(app, respond), connection)
        assert connection.body == b"half"
        assert not connection.complete

    async def test_a_complete_answer_stays(self):
        async def app(scope, receive, send):
            await hello(scope, receive, send)
            raise ValueError

        answer = await run(ErrorGuard(app, respond))
        assert answer.body == b"hello"

    async def test_an_abort_goes_through_to_the_frame(self):
        async def app(scope, receive, send):
            raise AnswerAborted

        with pytest.raises(AnswerAborted):
            await run(ErrorGuard(app, respond))

    async def test_nobody_is_answered_when_the_client_has_gone(self):
        async def app(scope, receive, send):
            raise ClientDisconnect

        assert (await run(ErrorGuard(app, respond))).sent == []


class TestBodyLimit:
    @staticmethod
    def limited(app, **settings):
        return BodyLimit(app, respond, Settings(**settings))

    @staticmethod
    async def echo(scope, receive, send):
        body = await Request(scope, receive).body()
        kept = body_of(scope)
        assert kept is None or kept.bytes() == body
        await Response(body)(scope, receive, send)

    async def test_a_body_reaches_the_app(self):
        answer = await run(
            self.limited(self.echo), Connection(piece(b"abc")), method="POST", headers={"content-length": "3"}
        )
        assert answer.body == b"abc"

    async def test_no_body(self):
        assert (await run(self.limited(hello))).body == b"hello"

    async def test_too_large_by_its_announcement(self):
        answer = await run(
            self.limited(self.echo, max_json_bytes=1000), method="POST", headers={"content-length": "1001"}
        )
        assert (answer.status, answer.body) == (413, b"vendor says body_too_large")
        assert answer.headers["connection"] == "close"

    async def test_too_large_in_chunks(self):
        connection = Connection(piece(b"x" * 600, more=True), piece(b"x" * 600, more=True))
        answer = await run(
            self.limited(self.echo, max_json_bytes=1000),
            connection,
            method="POST",
            headers={"transfer-encoding": "chunked"},
        )
        assert answer.status == 413

    async def test_uploads_are_left_to_their_route(self):
        connection = Connection(piece(b"x" * 1500))
        headers = {"content-length": "1500"}
        answer = await run(
            self.limited(self.echo, max_json_bytes=1000),
            connection,
            method="PUT",
            path="/uploads/token/a.wav",
            headers=headers,
        )
        assert len(answer.body) == 1500
        headers["content-length"] = "5000"
        app = self.limited(self.echo, max_json_bytes=1000, max_upload_bytes=4000)
        assert (await run(app, method="PUT", path="/uploads/token/a.wav", headers=headers)).status == 413

    async def test_a_body_that_does_not_come(self, monkeypatch):
        monkeypatch.setattr(middleware, "BODY_SECONDS", 0.05)
        connection = Connection(piece(b"a", more=True))
        answer = await run(self.limited(self.echo), connection, method="POST", headers={"content-length": "3"})
        assert (answer.status, answer.body) == (408, b"vendor says request_timeout")
        assert answer.headers["connection"] == "close"

    async def test_a_client_that_goes_is_not_answered(self):
        connection = Connection({"type": "http.disconnect"})
        answer = await run(self.limited(self.echo), connection, method="POST", headers={"content-length": "3"})
        assert answer.sent == []

    async def test_errors_of_the_app_are_not_taken_for_its_own(self):
        async def app(scope, receive, send):
            raise BodyTooLarge

        with pytest.raises(BodyTooLarge):
            await run(self.limited(app), Connection(piece(b"")), method="POST", headers={"content-length": "0"})

    async def test_a_streamed_answer_passes(self):
        async def pieces():
            yield b"a"
            yield b"b"

        async def app(scope, receive, send):
            await StreamingResponse(pieces())(scope, receive, send)

        connection = Connection(piece(b"abc"))
        answer = await run(self.limited(app), connection, method="POST", headers={"content-length": "3"})
        assert answer.body == b"ab"


class TestForms:
    """Forms with recordings, which are large."""

    FORM: ClassVar = {"content-type": "multipart/form-data; boundary=x"}

    @staticmethod
    def limited(refusal=None, expected="/form"):
        async def admit(request):
            assert request.url.path == expected
            if refusal:
                raise refusal

        settings = Settings(max_json_bytes=1_000, max_reference_bytes=2_000)
        return BodyLimit(TestBodyLimit.echo, respond, settings, Forms({"/form": 2}, admit))

    @pytest.mark.parametrize(("length", "status"), [(5_000, 200), (5_001, 413)])
    async def test_a_form_may_have_its_recordings_and_its_fields(self, length, status):
        headers = self.FORM | {"content-length": str(length)}
        connection = Connection(piece(b"x" * length))
        assert (await run(self.limited(), connection, method="POST", path="/form", headers=headers)).status == status

    @pytest.mark.parametrize(
        ("path", "content_type"),
        [
            ("/other", "multipart/form-data; boundary=x"),
            ("/form", "application/json"),
            ("/form/x", "multipart/form-data"),
        ],
    )
    async def test_everything_else_is_as_large_as_json(self, path, content_type):
        headers = {"content-type": content_type, "content-length": "1001"}
        app = self.limited(BodyTooLarge())
        assert (await run(app, method="POST", path=path, headers=headers)).status == 413

    async def test_who_is_not_admitted_is_not_read(self):
        headers = self.FORM | {"content-length": "3000"}
        connection = Connection(piece(b"x"))
        answer = await run(self.limited(Unauthorized()), connection, method="POST", path="/form", headers=headers)
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        assert connection.incoming.qsize() == 1

    async def test_who_waits_to_be_asked_is_not_asked(self):
        headers = self.FORM | {"content-length": "3", "expect": "100-continue"}
        connection = Connection(piece(b"abc"))
        answer = await run(self.limited(Unauthorized()), connection, method="POST", path="/form", headers=headers)
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        assert connection.incoming.qsize() == 1

    async def test_a_short_body_is_taken_before_the_refusal(self):
        headers = self.FORM | {"content-length": "3"}
        connection = Connection(piece(b"ab", more=True), piece(b"c"))
        answer = await run(self.limited(Unauthorized()), connection, method="POST", path="/form", headers=headers)
        assert answer.status == 401
        assert "connection" not in answer.headers
        assert connection.incoming.empty()

    async def test_a_body_that_does_not_come_is_not_waited_for(self, monkeypatch):
        monkeypatch.setattr(middleware, "BODY_SECONDS", 0.05)
        headers = self.FORM | {"content-length": "3"}
        connection = Connection(piece(b"a", more=True))
        answer = await run(self.limited(Unauthorized()), connection, method="POST", path="/form", headers=headers)
        assert (answer.status, answer.headers["connection"]) == (401, "close")

    async def test_a_client_that_goes_while_it_is_refused(self):
        headers = self.FORM | {"content-length": "3"}
        connection = Connection({"type": "http.disconnect"})
        answer = await run(self.limited(Unauthorized()), connection, method="POST", path="/form", headers=headers)
        assert answer.sent == []


class TestEncoded:
    """JSON with files in it, which is large too; its key may be inside."""

    @staticmethod
    def limited(app=None):
        settings = Settings(max_json_bytes=1_000, max_reference_bytes=3_000)
        return BodyLimit(app or TestBodyLimit.echo, respond, settings, Forms(encoded={"/encoded": 1}))

    @pytest.mark.parametrize(("path", "length", "status"), [("/encoded", 5_000, 200), ("/encoded", 5_001, 413)])
    async def test_a_third_more_than_the_file_itself(self, path, length, status):
        connection = Connection(piece(b"x" * length))
        headers = {"content-length": str(length)}
        assert (await run(self.limited(), connection, method="POST", path=path, headers=headers)).status == status

    async def test_who_sends_a_film_is_admitted_before_it_is_read(self):
        async def admit(_):
            raise Unauthorized

        settings = Settings(max_json_bytes=1_000, max_reference_bytes=3_000)
        forms = Forms(admit=admit, encoded={"/encoded": 1}, films_in_json=frozenset({"/encoded"}))
        app = BodyLimit(TestBodyLimit.echo, respond, settings, forms)
        for headers in ({"content-length": "1001"}, {"transfer-encoding": "chunked"}):
            large = Connection(piece(b"x" * 1_001))
            assert (await run(app, large, method="POST", path="/encoded", headers=headers)).status == 401
        small = Connection(piece(b"abc"))
        answer = await run(app, small, method="POST", path="/encoded", headers={"content-length": "3"})
        assert answer.status == 200

    async def test_other_paths_take_what_json_takes(self):
        headers = {"content-length": "1001"}
        assert (await run(self.limited(), method="POST", path="/other", headers=headers)).status == 413

    async def test_few_are_read_at_once_and_short_ones_always(self, monkeypatch):
        monkeypatch.setattr(middleware, "LARGE_BODIES", 1)
        app, slow = self.limited(), Connection(piece(b"x", more=True))
        large = {"method": "POST", "path": "/encoded", "headers": {"content-length": "3000"}}
        waiting = asyncio.create_task(run(app, slow, **large))
        await asyncio.sleep(0)
        refused = await run(app, Connection(piece(b"x")), **large)
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        short = {**large, "headers": {"content-length": "3"}}
        assert (await run(app, Connection(piece(b"abc")), **short)).status == 200
        slow.incoming.put_nowait(piece(b"y" * 2_999))
        assert (await waiting).status == 200
        assert (await run(app, Connection(piece(b"x" * 3_000)), **large)).status == 200
