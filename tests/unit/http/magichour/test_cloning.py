"""The cloner on servers with rules of their own. The rest is in tests/contract/test_magichour_cloner.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from myna.app import build_node
from myna.http.magichour.routes import create_api
from myna.settings import Settings


@asynccontextmanager
async def api(folder: Path, **settings: Any) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """A client, and the path of a file of 5,000 bytes that its account has uploaded."""
    services = build_node(
        Settings(data_dir=folder, engines=["fake"], storage_url="memory://").model_copy(update=settings)
    ).services
    await services.database.migrate()
    account = await services.accounts.create_account("ada")
    token = (await services.accounts.create_key(account.id, "key"))[1]
    transport = httpx.ASGITransport(create_api(services))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://node", headers={"Authorization": f"Bearer {token}"}
    ) as http:
        items = [{"type": "audio", "extension": "wav"}]
        (item,) = (await http.post("/v1/files/upload-urls", json={"items": items})).json()["items"]
        key = f"uploads/{account.id}/{item['file_path'].split('/')[1]}.wav"
        await services.storage.put(key, bytes(5_000))
        yield http, item["file_path"]
    await services.engines.close()
    await services.database.close()


async def order(http: httpx.AsyncClient, path: str) -> tuple[int, str, str]:
    body = {"assets": {"audio_file_path": path}, "style": {"prompt": "Hello, how are you?"}}
    answer = await http.post("/v1/ai-voice-cloner", json=body)
    return answer.status_code, answer.json()["code"], answer.json()["message"]


async def test_a_server_that_asks_for_consent_recordings(tmp_path: Path) -> None:
    async with api(tmp_path, consent="recording") as (http, path):
        status, code, message = await order(http, path)
    assert (status, code) == (403, "consent_required")
    assert "this API has no field for one" in message


async def test_a_server_whose_engines_cannot_clone(tmp_path: Path) -> None:
    async with api(tmp_path, engines=["espeak"]) as (http, path):
        status, code, message = await order(http, path)
    assert (status, code) == (422, "unprocessable_entity")
    assert message.startswith("Unable to clone voice: No engine of this node can clone voices.")


async def test_an_upload_that_is_too_large(tmp_path: Path) -> None:
    async with api(tmp_path, max_reference_bytes=4_999) as (http, path):
        status, code, message = await order(http, path)
    assert (status, code) == (413, "invalid_request")
    assert "5000 bytes" in message


async def test_without_credits_everything_else_was_right(tmp_path: Path) -> None:
    async with api(tmp_path) as (http, path):
        assert await order(http, path) == (402, "insufficient_credits", "Payment required")
