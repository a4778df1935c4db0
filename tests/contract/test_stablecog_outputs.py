"""Stablecog's listings, from outside: outputs, models and defaults (cases 40 to 58 of its contract)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from myna.outputs.service import OutputService
from myna.storage.objects import open_storage
from tests.fixtures.stablecog import (
    BARK,
    BRYAN,
    DEFAULTS,
    MODELS,
    OUTPUTS,
    is_uuid,
    moment,
    refused,
    wait_for_balance,
)


@pytest.fixture
def account(server, opened):
    return opened(server)


@pytest.fixture(scope="module")
def teller(server, opened):
    """An account with three voiceovers, for looking only. The first two have the same prompt."""
    account = opened(server)
    account.made = [account.make(prompt) for prompt in ("One.", "One.", " Two\n")]
    return account


# Outputs


def test_case_40_nothing_yet(account):
    assert account.http.get(OUTPUTS).text == '{"total_count":0,"outputs":[]}\n'
    assert account.http.get(OUTPUTS, params={"cursor": "2023-06-21T18:09:50Z"}).text == '{"outputs":[]}\n'


def test_case_40a_one_voiceover_on_a_page_of_50(account):
    account.make()
    page = account.outputs(per_page=50)
    assert len(page["outputs"]) == page["total_count"] == 1
    assert "next" not in page


def test_case_41_newest_first(server, teller):
    listed = teller.outputs()["outputs"]
    assert [item["id"] for item in listed] == [made["outputs"][0]["id"] for made in reversed(teller.made)]
    for item in listed:
        voiceover = item["voiceover"]
        assert voiceover["status"] == "succeeded"
        assert moment(voiceover["created_at"]) <= moment(voiceover["started_at"]) < moment(voiceover["completed_at"])
        assert item["audio_file_url"].startswith(f"{server.url}/files/")
        assert httpx.get(item["audio_file_url"]).headers["content-type"] == "audio/mpeg"


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_case_42_next_walks_all_of_them_once(teller, order):
    everything = [item["id"] for item in teller.outputs(order=order)["outputs"]]
    found, page = [], teller.outputs(per_page=1, order=order)
    while True:
        (item,) = page["outputs"]
        found.append(item["id"])
        if "next" not in page:
            break
        assert page["next"] == item["voiceover"]["created_at"]
        page = teller.outputs(per_page=1, order=order, cursor=page["next"])
    assert found == everything
    assert len(found) == 3


def test_case_43_a_cursor_means_older_ones_and_no_count(teller):
    newest = teller.outputs()["outputs"][0]
    page = teller.outputs(cursor=newest["voiceover"]["created_at"])
    assert list(page) == ["outputs"]
    assert newest["id"] not in {item["id"] for item in page["outputs"]}
    assert len(page["outputs"]) == 2


def test_case_44_the_count_ignores_the_page_and_honours_filters(teller):
    first = teller.outputs(per_page=1)
    assert (first["total_count"], len(first["outputs"])) == (3, 1)
    prompt_id = teller.outputs()["outputs"][2]["voiceover"]["prompt"]["id"]
    assert teller.outputs(per_page=1, prompt_id=prompt_id)["total_count"] == 2


@pytest.mark.parametrize(
    ("case", "name", "value", "text"),
    [
        (45, "per_page", "HelloWorld", "per_page must be an integer"),
        (45, "per_page", "-1", "per_page must be between 1 and 300"),
        (45, "per_page", "0", "per_page must be between 1 and 300"),
        (45, "per_page", "301", "per_page must be between 1 and 300"),
        (46, "cursor", "HelloWorld", "cursor must be a valid iso time string"),
        (46, "cursor", "2023-01-27T14:45:59.042046464", "cursor must be a valid iso time string"),
        (47, "order", "invalid", "invalid order: 'invalid' expected 'asc' or 'desc'"),
        (47, "order_by", "foo", "invalid order_by: 'foo' expected 'updated_at' or 'created_at'"),
        (47, "is_favorited", "1", "invalid is_favorited: '1' expected 'true' or 'false'"),
        (47, "was_auto_submitted", "yes", "invalid was_auto_submitted: 'yes' expected 'true' or 'false'"),
        (47, "start_dt", "x", "invalid start_dt: x"),
        (47, "end_dt", "x", "invalid end_dt: x"),
        (47, "prompt_id", "x", "invalid prompt_id: x"),
    ],
)
def test_cases_45_to_47_bad_parameters(teller, case, name, value, text):
    refused(teller.http.get(OUTPUTS, params={name: value}), 400, text)


@pytest.mark.parametrize(
    "query",
    [
        "per_page=300",
        "per_page=",
        "cursor=2099-01-27T14:45:59.042Z",
        "cursor=2099-01-27T14:45:59.042046464Z",
        "cursor=2099-01-27T14:45:59%2B02:00",
        "ORDER=invalid",
        "order=ASC",
        "is_favorited=FALSE",
        "order_by=updated_at",
        "score_threshold=7&model_ids=x",
    ],
)
def test_cases_45_to_47_and_55_good_and_unknown_parameters(teller, query):
    assert len(teller.http.get(f"{OUTPUTS}?{query}").json()["outputs"]) == 3


def test_case_48_start_and_end_are_inclusive(teller):
    middle = teller.outputs()["outputs"][1]
    at = middle["voiceover"]["created_at"]
    page = teller.outputs(start_dt=at, end_dt=at)
    assert (page["total_count"], [item["id"] for item in page["outputs"]]) == (1, [middle["id"]])
    assert teller.outputs(start_dt=at)["total_count"] == teller.outputs(end_dt=at)["total_count"] == 2


def test_case_49_favourites(server, teller):
    assert teller.outputs(is_favorited="true") == {"total_count": 0, "outputs": []}
    chosen = teller.outputs()["outputs"][1]["id"]

    async def favour(database, is_favorited):
        storage = open_storage(server.settings.resolved_storage_url)
        await OutputService(database, storage).set_favorite(teller.id, chosen, is_favorited)

    server.query(lambda database: favour(database, True))
    (item,) = teller.outputs(is_favorited="true")["outputs"]
    assert (item["id"], item["is_favorited"], item["voiceover"]["is_favorited"]) == (chosen, True, True)
    server.query(lambda database: favour(database, False))


def test_was_auto_submitted_for_free_accounts(server, opened):
    free = opened(server, credits=0)
    free.grant(10, type="Free")
    free.make()
    (item,) = free.outputs(was_auto_submitted="true")["outputs"]
    assert item["was_auto_submitted"] is item["voiceover"]["was_auto_submitted"] is True
    assert free.outputs(was_auto_submitted="false")["total_count"] == 0


def test_case_50_failed_and_queued_ones_are_not_listed(account):
    assert account.create("fake:fail").status_code == 500
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(account.make, "fake:slow=1 Slow.")
        wait_for_balance(account, 99)
        assert account.outputs() == {"total_count": 0, "outputs": []}
        running.result()
    assert account.outputs()["total_count"] == 1


def test_case_51_others_are_not_listed(account, teller):
    account.make()
    mine = {item["id"] for item in account.outputs()["outputs"]}
    assert len(mine) == 1
    assert mine.isdisjoint(item["id"] for item in teller.outputs()["outputs"])


NESTED = {
    "id": str,
    "audio_file_url": str,
    "audio_array": list,
    "audio_duration": float,
    "is_favorited": bool,
    "was_auto_submitted": bool,
    "is_public": bool,
}
VOICEOVER = {
    "id": str,
    "seed": int,
    "temperature": float,
    "status": str,
    "model_id": str,
    "created_at": str,
    "updated_at": str,
    "started_at": str,
    "completed_at": str,
    "is_favorited": bool,
    "outputs": list,
    "prompt": dict,
    "was_auto_submitted": bool,
    "denoise_audio": bool,
    "remove_silence": bool,
    "speaker": dict,
}


def types_of(value):
    return {key: type(item) for key, item in value.items()}


def test_case_52_every_key_with_its_type(teller):
    page = teller.outputs(per_page=1)
    assert types_of(page) == {"total_count": int, "outputs": list, "next": str}
    (item,) = page["outputs"]
    assert types_of(item) == {**NESTED, "voiceover": dict, "denoise_audio": bool, "remove_silence": bool}
    voiceover = item["voiceover"]
    assert types_of(voiceover) == VOICEOVER
    assert types_of(voiceover["outputs"][0]) == NESTED
    assert types_of(voiceover["prompt"]) == {"id": str, "text": str}
    assert voiceover["speaker"] == {"id": BRYAN, "name": "v2/en_speaker_0", "locale": "en"}
    assert all(
        is_uuid(text) for text in (item["id"], voiceover["id"], voiceover["model_id"], voiceover["prompt"]["id"])
    )
    assert len(item["audio_array"]) == 50
    assert all(0 <= level <= 1 for level in item["audio_array"])
    assert item["is_public"] is False


def test_case_53_the_same_prompt_has_the_same_id(teller):
    third, second, first = (item["voiceover"]["prompt"]["id"] for item in teller.outputs()["outputs"])
    assert first == second != third


def test_case_54_the_nested_output_is_the_item(teller):
    for item in teller.outputs()["outputs"]:
        (nested,) = item["voiceover"]["outputs"]
        assert nested == {key: item[key] for key in NESTED}


# Models and defaults


def test_case_56_shapes(server):
    models = httpx.get(server.url + MODELS).json()["models"]
    assert (models[0]["id"], models[0]["name"], models[0]["is_default"]) == (BARK, "bark", True)
    assert [model["is_default"] for model in models[1:]] == [False]
    for model in models:
        assert list(model) == ["id", "name", "is_default", "available_speakers"]
        for speaker in model["available_speakers"]:
            assert list(speaker) == ["id", "name"]
            assert is_uuid(speaker["id"])
    assert len(models[0]["available_speakers"]) == 44
    assert {"id": BRYAN, "name": "v2/en_speaker_0"} in models[0]["available_speakers"]


def test_case_57_the_speakers_are_those_that_create_takes(server, opened):
    bark, own = httpx.get(server.url + MODELS).json()["models"]
    assert httpx.get(server.url + DEFAULTS).json()["speaker_id"] in {s["id"] for s in bark["available_speakers"]}
    account = opened(server)
    asked = [(model["id"], speaker["id"]) for model in (bark, own) for speaker in model["available_speakers"]]
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda ids: account.create("Hi", model_id=ids[0], speaker_id=ids[1]).status_code, asked))
    assert made == [200] * len(asked)


def test_case_58_defaults(server):
    assert httpx.get(server.url + DEFAULTS).text == (
        f'{{"model_id":"{BARK}","speaker_id":"{BRYAN}","temperature":0.7,"denoise_audio":true,"remove_silence":true}}\n'
    )
