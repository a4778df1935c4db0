"""The layer that keeps answers, around a small API that counts what it does."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from sqlalchemy import insert, select, update
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from myna.accounts.service import AccountService, new_token
from myna.db.tables import idempotency_keys, nodes
from myna.errors import MynaError, Unavailable
from myna.http import idempotency
from myna.http.auth import bearer
from myna.http.errors import install_error_handlers
from myna.http.idempotency import Idempotency, job_cuid, job_uuid, keep_instead, work_begins
from myna.http.limits import RequestLimiter
from myna.http.middleware import AnswerAborted, BodyLimit, ErrorGuard
from myna.http.repository import IdempotencyRepository
from myna.kit import clock
from myna.kit.finishing import all_finished
from myna.settings import Settings
from myna.storage.objects import open_storage
from tests.fixtures.asgi import Connection, http_scope, piece

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what does not depend on the database; the rest runs on PostgreSQL too."""


def respond(error: MynaError) -> Response:
    return JSONResponse({"vendor": error.code}, error.status)


class World:
    """A node, and what its API was asked to do."""

    def __init__(self, database, node_id="node-1", storage=None):
        self.done: list[str] = []
        self.may_finish = asyncio.Event()
        self.may_finish.set()
        self.services = SimpleNamespace(
            settings=Settings(),
            database=database,
            storage=storage or open_storage("memory://"),
            accounts=AccountService(database, b"secret"),
            node_id=node_id,
        )
        self.services.limiter = RequestLimiter(self.services.settings)
        paths = {
            "/labour": self.work,
            "/refuse": self.refuse,
            "/fail": self.fail,
            "/stream": self.stream,
            "/secret": self.secret,
            "/empty": self.empty,
        }
        inner = FastAPI(routes=[Route(path, call, methods=["POST", "GET"]) for path, call in paths.items()])
        install_error_handlers(inner, respond)
        guarded = ErrorGuard(inner, respond)
        layer = Idempotency(guarded, "native", bearer, respond, self.services)
        self.app = ErrorGuard(BodyLimit(layer, respond, self.services.settings), respond)

    async def work(self, request: Request) -> Response:
        self.done.append(job_uuid(request))
        await self.may_finish.wait()
        body = {"job": self.done[-1], "cuid": job_cuid(request), "number": len(self.done)}
        return JSONResponse(body, 202, {"Location": "/jobs/1", "X-Other": "x"})

    async def refuse(self, request: Request) -> Response:
        """`?status=402&began=yes`: refused, before or after its work began."""
        self.done.append("refused")
        if "began" in request.query_params:
            work_begins(request)
        return JSONResponse({"number": len(self.done)}, int(request.query_params["status"]))

    async def fail(self, request: Request) -> Response:
        self.done.append(job_uuid(request))
        raise ValueError

    async def stream(self, request: Request) -> Response:
        """`?pieces=3&break=yes`: so many pieces of 100 kB, then an end or an accident."""
        work_begins(request)
        self.done.append("streamed")

        async def pieces():
            for number in range(int(request.query_params.get("pieces", 3))):
                yield bytes([number % 256]) * 100_000
                await self.may_finish.wait()
            if "break" in request.query_params:
                raise ValueError

        return StreamingResponse(pieces(), media_type="audio/mpeg")

    async def secret(self, request: Request) -> Response:
        self.done.append("secret")
        keep_instead(request, b'{"token":null}')
        return JSONResponse({"token": "myna_secret"}, 201)

    async def empty(self, request: Request) -> Response:
        self.done.append("empty")
        return Response(status_code=204)

    async def new_key(self, name):
        account = await self.services.accounts.create_account(name)
        return (await self.services.accounts.create_key(account.id, "key"))[1]


@pytest.fixture
def world(database):
    return World(database)


@pytest.fixture
async def key(world):
    return await world.new_key("somebody")


@pytest.fixture
async def http(client, world, key):
    async with client(world.app, headers={"Authorization": f"Bearer {key}"}) as http:
        yield http


def once(key="k1", **headers):
    return {"Idempotency-Key": key, **headers}


class TestReplay:
    async def test_the_same_request_is_done_once(self, world, http):
        first = await http.post("/labour", json={"a": 1, "b": 2}, headers=once())
        again = await http.post("/labour", json={"b": 2, "a": 1}, headers=once('"k1"'))
        assert (first.status_code, first.content) == (again.status_code, again.content)
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers
        assert again.headers["location"] == "/jobs/1"
        assert again.headers["content-type"] == "application/json"
        assert "x-other" not in again.headers
        assert len(world.done) == 1

    async def test_without_a_key_every_request_is_done(self, world, http):
        for _ in range(2):
            await http.post("/labour", json={})
        assert len(set(world.done)) == 2

    async def test_only_posts(self, world, http):
        for _ in range(2):
            await http.get("/labour", headers=once())
        assert len(world.done) == 2

    async def test_other_accounts_and_other_paths_are_others(self, world, http, client):
        await http.post("/labour", headers=once())
        await http.post("/empty", headers=once())
        other = await world.new_key("other")
        async with client(world.app, headers={"Authorization": f"Bearer {other}"}) as theirs:
            await theirs.post("/labour", headers=once())
        assert len(world.done) == 3

    async def test_another_key_of_the_account_is_the_same_caller(self, world, http, client, key):
        account = (await world.services.accounts.authenticate(key)).account
        _, second = await world.services.accounts.create_key(account.id, "second")
        await http.post("/labour", headers=once())
        async with client(world.app, headers={"Authorization": f"Bearer {second}"}) as same:
            assert (await same.post("/labour", headers=once())).headers["idempotent-replayed"] == "true"

    async def test_an_empty_answer(self, world, http):
        for _ in range(2):
            answer = await http.post("/empty", headers=once())
            assert (answer.status_code, answer.content) == (204, b"")
        assert len(world.done) == 1

    async def test_a_stream(self, world, http):
        first = await http.post("/stream", headers=once())
        again = await http.post("/stream", headers=once())
        assert len(first.content) == 300_000
        assert again.content == first.content
        assert again.headers["content-type"] == "audio/mpeg"
        assert len(world.done) == 1

    async def test_a_secret_is_kept_nowhere(self, world, http):
        assert (await http.post("/secret", headers=once())).json() == {"token": "myna_secret"}
        again = await http.post("/secret", headers=once())
        assert (again.status_code, again.json()) == (201, {"token": None})
        async for stored in world.services.storage.list("idempotency"):
            assert b"myna_secret" not in await world.services.storage.get(stored.key)

    async def test_derived_ids_have_their_forms(self, world, http):
        body = (await http.post("/labour", headers=once())).json()
        assert len(body["job"]) == 36
        assert len(body["cuid"]) == 25
        assert body["cuid"].startswith("c")


@ON_SQLITE
class TestRefusals:
    async def test_another_body(self, world, http):
        await http.post("/labour", json={"a": 1}, headers=once())
        answer = await http.post("/labour", json={"a": 2}, headers=once())
        assert (answer.status_code, answer.json()) == (422, {"vendor": "idempotency_mismatch"})
        assert answer.headers["x-should-retry"] == "false"
        assert len(world.done) == 1

    async def test_while_the_first_runs(self, world, http):
        world.may_finish.clear()
        running = asyncio.create_task(http.post("/labour", headers=once()))
        while not world.done:
            await asyncio.sleep(0.01)
        answer = await http.post("/labour", headers=once())
        assert (answer.status_code, answer.json()) == (409, {"vendor": "request_in_progress"})
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["x-should-retry"] == "true"
        world.may_finish.set()
        assert (await running).status_code == 202
        assert (await http.post("/labour", headers=once())).headers["idempotent-replayed"] == "true"

    async def test_fifty_at_once(self, world, http):
        answers = await asyncio.gather(*(http.post("/labour", json={"a": 1}, headers=once()) for _ in range(50)))
        statuses = {answer.status_code for answer in answers}
        assert len(world.done) == 1
        assert statuses <= {202, 409}
        assert 202 in statuses

    async def test_a_wrong_key_stores_nothing(self, world, http, database):
        answer = await http.post("/labour", headers=once(Authorization=f"Bearer {new_token()}"))
        assert (answer.status_code, answer.json()) == (401, {"vendor": "unauthorized"})
        async with database.reading() as connection:
            assert (await connection.execute(select(idempotency_keys))).first() is None
        assert world.done == []

    async def test_a_blocked_account_is_left_to_the_api(self, world, http, key):
        account = (await world.services.accounts.authenticate(key)).account
        await world.services.accounts.set_banned(account.id, True)
        for _ in range(2):
            await http.post("/refuse?status=403", headers=once())
        assert len(world.done) == 2

    @pytest.mark.parametrize("bad", ["", "k" * 256, "é"])
    async def test_a_bad_key(self, world, http, bad):
        answer = await http.post("/labour", headers=[(b"Idempotency-Key", bad.encode())])
        assert (answer.status_code, answer.json()) == (400, {"vendor": "invalid_request"})
        assert world.done == []


@ON_SQLITE
class TestWhatIsKept:
    @pytest.mark.parametrize("status", [400, 402, 422, 500])
    async def test_an_executed_request_is_kept_whatever_came_of_it(self, world, http, status):
        path = f"/refuse?status={status}&began=yes"
        first = await http.post(path, headers=once())
        again = await http.post(path, headers=once())
        assert (again.status_code, again.json()) == (first.status_code, first.json())
        assert len(world.done) == 1

    @pytest.mark.parametrize("status", [400, 402, 404, 405, 422])
    async def test_a_request_that_was_not_valid_is_not(self, world, http, status):
        for _ in range(2):
            await http.post(f"/refuse?status={status}", headers=once())
        assert len(world.done) == 2
        assert (await http.post("/refuse?status=201", headers=once())).status_code == 201

    @pytest.mark.parametrize("status", [401, 409, 413, 429, 503])
    async def test_what_may_pass_by_itself_is_never_kept(self, world, http, status):
        for _ in range(2):
            await http.post(f"/refuse?status={status}&began=yes", headers=once())
        assert len(world.done) == 2

    async def test_an_unexpected_exception_is_kept_as_500(self, world, http):
        for _ in range(2):
            answer = await http.post("/fail", headers=once())
            assert (answer.status_code, answer.json()) == (500, {"vendor": "internal_error"})
        assert len(world.done) == 1

    async def test_a_very_long_answer_is_not(self, world, http, monkeypatch):
        monkeypatch.setattr(idempotency, "MAX_KEPT_BYTES", 250_000)
        for _ in range(2):
            assert len((await http.post("/stream", headers=once())).content) == 300_000
        assert len(world.done) == 2

    async def test_a_stream_that_broke_is_not(self, world, key, client):
        connection = await post(world, "/stream", key, query=b"pieces=2&break=yes")
        assert not connection.complete
        async with client(world.app, headers={"Authorization": f"Bearer {key}"}) as http:
            await http.post("/stream", headers=once())
        assert len(world.done) == 2

    async def test_a_stream_whose_client_went_is_not(self, world, key):
        world.may_finish.clear()
        connection = Connection(piece(b""))
        running = asyncio.create_task(post(world, "/stream", key, connection))
        while not world.done:
            await asyncio.sleep(0.01)
        connection.disconnect()
        await running
        world.may_finish.set()
        again = await post(world, "/stream", key)
        assert (again.status, len(again.body)) == (200, 300_000)
        assert len(world.done) == 2

    async def test_one_whose_client_goes_while_it_is_being_kept_is_kept(self, world, key, monkeypatch):
        keeping, may_keep = asyncio.Event(), asyncio.Event()
        put = world.services.storage.put

        async def slow(*args):
            keeping.set()
            await may_keep.wait()
            return await put(*args)

        monkeypatch.setattr(world.services.storage, "put", slow)
        connection = Connection(piece(b""))
        running = asyncio.create_task(post(world, "/stream", key, connection))
        await keeping.wait()
        connection.disconnect()
        await asyncio.sleep(0.05)
        may_keep.set()
        await running
        again = await post(world, "/stream", key)
        assert (again.status, len(again.body), len(world.done)) == (200, 300_000, 1)

    @pytest.mark.parametrize("path", ["/labour", "/stream", "/refuse"])
    async def test_a_request_that_is_canceled_at_any_moment_may_be_sent_again(self, world, key, path):
        for number in range(25):
            name = f"k{number}"
            running = asyncio.create_task(post(world, path, key, query=b"status=429", idempotency_key=name))
            await asyncio.sleep(number / 1_000)
            running.cancel()
            await asyncio.wait({running})
            await all_finished(10)
            again = await post(world, path, key, query=b"status=429", idempotency_key=name)
            assert again.status in (200, 202, 429)


async def post(world, path, key, connection=None, query=b"", idempotency_key="k1"):
    connection = connection or Connection(piece(b""))
    headers = {"authorization": f"Bearer {key}", "idempotency-key": idempotency_key}
    scope = {**http_scope("POST", path, headers), "query_string": query, "asgi": {"spec_version": "2.3"}}
    with suppress(AnswerAborted):
        await world.app(scope, connection.receive, connection.send)
    return connection


class TestRestart:
    async def test_answers_survive_it(self, world, http, client, key, database):
        first = await http.post("/labour", headers=once())
        restarted = World(database, "node-2", world.services.storage)
        async with client(restarted.app, headers={"Authorization": f"Bearer {key}"}) as later:
            again = await later.post("/labour", headers=once())
        assert again.content == first.content
        assert restarted.done == []

    async def test_what_a_dead_node_began_is_done_again_under_the_same_id(self, world, client, key, database):
        job_id = await self.die_in_the_middle(world, key)
        restarted = World(database, "node-2")
        async with client(restarted.app, headers={"Authorization": f"Bearer {key}"}) as later:
            assert (await later.post("/labour", headers=once())).json()["job"] == job_id
            assert (await later.post("/labour", headers=once())).headers["idempotent-replayed"] == "true"
        assert restarted.done == [job_id]

    async def test_what_a_living_node_began_is_waited_for(self, world, client, key, database):
        await self.die_in_the_middle(world, key)
        await register(database, "node-1", clock.now())
        other = World(database, "node-2")
        async with client(other.app, headers={"Authorization": f"Bearer {key}"}) as http:
            assert (await http.post("/labour", headers=once())).status_code == 409
            async with database.transaction() as connection:
                await connection.execute(update(nodes).values(stopped_at=clock.now()))
            assert (await http.post("/labour", headers=once())).status_code == 202

    async def test_a_node_that_was_found_dead_is_not_waited_for(self, world, client, key, database):
        """As when a node that was killed is back on the same machine: it knows at once that its process is gone."""
        await self.die_in_the_middle(world, key)
        await register(database, "node-1", clock.now())
        other = World(database, "node-2")
        async with database.transaction() as connection:
            await connection.execute(update(nodes).values(recovered_by="node-2"))
        async with client(other.app, headers={"Authorization": f"Bearer {key}"}) as http:
            assert (await http.post("/labour", headers=once())).status_code == 202

    async def test_a_silent_node_is_dead(self, world, client, key, database):
        await self.die_in_the_middle(world, key)
        await register(database, "node-1", clock.now() - timedelta(seconds=60))
        other = World(database, "node-2")
        async with client(other.app, headers={"Authorization": f"Bearer {key}"}) as http:
            assert (await http.post("/labour", headers=once())).status_code == 202

    async def test_only_one_takes_over(self, world, key, database):
        await self.die_in_the_middle(world, key)
        others = [World(database, f"node-{number}") for number in (2, 3)]
        for other in others:
            await register(database, other.services.node_id, clock.now())
        answers = await asyncio.gather(*(post(other, "/labour", key) for other in others))
        assert sorted(answer.status for answer in answers) in ([202, 202], [202, 409])
        assert sum(len(other.done) for other in others) == 1

    @staticmethod
    async def die_in_the_middle(world, key):
        """A process that is killed while it answers leaves its row behind, and nothing else."""
        world.may_finish.clear()
        running = asyncio.create_task(post(world, "/labour", key))
        while not world.done:
            await asyncio.sleep(0.01)
        row = await only_row(world.services.database)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        async with world.services.database.transaction() as connection:
            await connection.execute(insert(idempotency_keys).values(row))
        return world.done[0]


async def only_row(database):
    async with database.reading() as connection:
        (row,) = (await connection.execute(select(idempotency_keys))).mappings()
        return dict(row)


async def register(database, node_id, seen_at):
    async with database.transaction() as connection:
        await connection.execute(
            insert(nodes).values(
                id=node_id,
                host="here",
                process=1,
                process_started_at=0.0,
                version="1",
                seen_at=seen_at,
                created_at=seen_at,
            )
        )


class TestTime:
    async def test_a_key_is_fresh_again_after_its_time(self, world, http, database):
        await http.post("/labour", json={"a": 1}, headers=once())
        await expire_all(database)
        answer = await http.post("/labour", json={"a": 2}, headers=once())
        assert answer.json()["number"] == 2
        stored = [item.key async for item in world.services.storage.list("idempotency")]
        assert len(stored) == 1
        assert (await http.post("/labour", json={"a": 2}, headers=once())).json()["number"] == 2

    async def test_what_expired_is_swept(self, world, http, database, monkeypatch):
        for number in range(3):
            await http.post("/labour", headers=once(f"k{number}"))
        await expire_all(database)
        monkeypatch.setattr(idempotency, "_SWEEP_SECONDS", -1.0)
        await http.post("/labour", headers=once("new"))
        stored = [item.key async for item in world.services.storage.list("idempotency")]
        assert len(stored) == 1
        assert (await only_row(database))["status"] == 202

    async def test_keys_are_kept_for_a_day(self, world, http, database):
        await http.post("/labour", headers=once())
        row = await only_row(database)
        assert row["expires_at"] - row["created_at"] == timedelta(hours=24)


async def expire_all(database):
    async with database.transaction() as connection:
        await connection.execute(update(idempotency_keys).values(expires_at=clock.now() - timedelta(seconds=1)))


@ON_SQLITE
class TestStorageTrouble:
    async def test_an_answer_that_could_not_be_kept_is_not_done_twice(self, world, http, monkeypatch):
        async def broken(key, data):
            raise OSError("no space left")

        monkeypatch.setattr(world.services.storage, "put", broken)
        assert (await http.post("/labour", headers=once())).status_code == 202
        again = await http.post("/labour", headers=once())
        assert (again.status_code, again.json()) == (409, {"vendor": "conflict"}), "gone, and not still running"
        assert again.headers["x-should-retry"] == "false"
        assert len(world.done) == 1

    @pytest.mark.parametrize(("path", "begun", "status"), [("/labour", 1, 202), ("/refuse", 2, 429)])
    async def test_a_database_that_is_away_at_the_end(self, world, http, monkeypatch, path, begun, status):
        """Its key is free, or its answer kept, as soon as it is back."""
        away = True

        def broken(work):
            async def work_while_away(repository, *args):
                if away:
                    raise Unavailable
                await work(repository, *args)

            return work_while_away

        for name in ("finish", "release"):
            monkeypatch.setattr(IdempotencyRepository, name, broken(getattr(IdempotencyRepository, name)))
        monkeypatch.setattr("myna.kit.finishing.BETWEEN_TRIES", 0.01)
        assert (await http.post(f"{path}?status=429", headers=once())).status_code == status
        assert (await http.post(f"{path}?status=429", headers=once())).status_code == 409
        away = False
        await all_finished(10)
        assert (await http.post(f"{path}?status=429", headers=once())).status_code == status
        assert len(world.done) == begun

    async def test_an_answer_that_was_lost(self, world, http, database):
        await http.post("/labour", headers=once())
        await world.services.storage.delete((await only_row(database))["object_key"])
        answer = await http.post("/labour", headers=once())
        assert (answer.status_code, answer.json()) == (409, {"vendor": "conflict"})
        assert answer.headers["x-should-retry"] == "false"


def test_ids_without_a_key_are_new():
    request = Request(http_scope("POST"))
    assert job_uuid(request) != job_uuid(request)
    assert job_cuid(request) != job_cuid(request)
    assert json.dumps(job_cuid(request))[1] == "c"
