"""Every path when the database is away. What they do otherwise is in tests/contract/test_stablecog.py."""

from __future__ import annotations

import pytest

from myna.http.stablecog.errors import UNKNOWN_ERROR
from tests.unit.http.stablecog.conftest import Api

CREATE = "/v1/audio/voiceover/create"
OUTPUTS = "/v1/audio/voiceover/outputs"


@pytest.mark.parametrize(
    ("table", "method", "path", "words"),
    [
        ("api_keys", "POST", CREATE, UNKNOWN_ERROR),
        ("api_keys", "GET", OUTPUTS, UNKNOWN_ERROR),
        ("api_keys", "GET", "/v1/credits", UNKNOWN_ERROR),
        ("credits", "GET", "/v1/credits", "Error getting credits"),
        ("outputs", "GET", OUTPUTS, "Error getting voiceovers"),
        ("output_totals", "GET", OUTPUTS, "Error getting voiceovers"),
        ("jobs", "POST", CREATE, UNKNOWN_ERROR),
    ],
)
async def test_trouble_with_the_database(api: Api, table: str, method: str, path: str, words: str) -> None:
    await api.lose(table)
    answer = await api.http.request(method, path, content=b'{"prompt":"Hi"}')
    assert (answer.status_code, answer.json()) == (500, {"error": words})


async def test_trouble_while_charging_takes_nothing(api: Api) -> None:
    await api.lose("jobs")
    assert (await api.http.post(CREATE, json={"prompt": "Hi"})).status_code == 500
    assert await api.services.credits.balance(api.caller.account.id) == 10_000


async def test_what_needs_no_database_goes_on(api: Api) -> None:
    await api.services.database.close()
    for path in ("/v1/health", "/", "/v1/audio/voiceover/models/", "/v1/audio/voiceover/defaults"):
        assert (await api.http.get(path)).status_code == 200
