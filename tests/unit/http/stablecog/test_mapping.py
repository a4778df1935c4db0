"""Between Stablecog's words and ours."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.http.stablecog import mapping, wire
from myna.http.stablecog.errors import StablecogError
from myna.http.stablecog.schemas import CreateBody
from myna.http.stablecog.speakers import BARK_ID, OWN_MODEL_ID, Speaker, own_id, own_speaker
from myna.kit.pagination import Page
from myna.outputs.schemas import Output
from tests.unit.http.stablecog.examples import BRYAN, FRITZ, MODELS, OWN, REQUEST, a_credit, a_job, an_output

SPEAKERS = {"fake:en-GB.2": OWN, "fake:fr-FR.3": own_speaker("fake:fr-FR.3", "fr-FR")}
CLONED = Speaker("6d9ac9b2-0000-4000-8000-333333333333", "Mine", "de", "voice_" + "a" * 24)
STRANGER = "00000000-0000-0000-0000-000000000000"


def link_to(output: Output) -> str:
    return f"http://testv.com/{output.file_name}"


def body(**fields: Any) -> CreateBody:
    return CreateBody.decode(json.dumps({"prompt": "Hi", **fields}).encode())


def refusal(*, checked: bool = True, **fields: Any) -> str:
    with pytest.raises(StablecogError) as caught:
        mapping.read_order(body(**fields), MODELS, checked=checked)
    assert caught.value.status_code == 400
    assert caught.value.settings is None
    return caught.value.message


def test_defaults_are_filled_in() -> None:
    order = mapping.read_order(body(), MODELS)
    assert order.prompt == "Hi"
    assert order.speaker == BRYAN
    seed = order.settings.pop("seed")  # type: ignore[misc]
    assert order.settings == mapping.defaults(MODELS)
    assert 0 <= seed < 2**31 - 1


def test_what_is_given_is_kept() -> None:
    order = mapping.read_order(
        body(
            model_id=OWN_MODEL_ID,
            speaker_id=OWN.id,
            temperature=1,
            denoise_audio=False,
            remove_silence=False,
            seed=2**62,
        ),
        MODELS,
    )
    assert order.speaker == OWN
    assert order.settings == {
        "model_id": OWN_MODEL_ID,
        "speaker_id": OWN.id,
        "temperature": np.float32(1),
        "seed": 2**62,
        "denoise_audio": False,
        "remove_silence": False,
    }


@pytest.mark.parametrize("seed", [-1, -5, -(2**63), None])
def test_a_negative_seed_is_a_random_one(seed: int | None) -> None:
    seeds = {mapping.read_order(body(seed=seed), MODELS).settings["seed"] for _ in range(20)}
    assert len(seeds) > 1
    assert all(0 <= found < 2**31 - 1 for found in seeds)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"model_id": STRANGER}, "invalid_model_id"),
        ({"speaker_id": STRANGER}, "invalid_speaker_id"),
        ({"speaker_id": OWN.id}, "invalid_speaker_id"),
        ({"model_id": OWN_MODEL_ID}, "invalid_speaker_id"),
        ({"temperature": -0.01}, "invalid_temp"),
        ({"temperature": 1.01}, "invalid_temp"),
        ({"temperature": 1.0000001}, "invalid_temp"),
        ({"prompt": "x" * 501}, "prompt_too_long"),
        ({"prompt": "😀" * 501}, "prompt_too_long"),
        ({"prompt": ""}, "prompt_required"),
        ({"prompt": None}, "prompt_required"),
        ({"prompt": " \n\t"}, "prompt_required"),
        ({"prompt": "a\0b"}, "json_parse_error"),
        ({"model_id": STRANGER, "temperature": 2, "prompt": "x" * 501}, "invalid_model_id"),
        ({"speaker_id": STRANGER, "temperature": 2}, "invalid_speaker_id"),
        ({"temperature": 2, "prompt": "x" * 501}, "invalid_temp"),
    ],
)
def test_the_first_fault_in_the_order_of_the_checks_is_told(fields: dict[str, Any], word: str) -> None:
    assert refusal(**fields) == word


@pytest.mark.parametrize("fields", [{"temperature": 0}, {"temperature": 1.00000001}, {"prompt": "😀" * 500}])
def test_limits_themselves_are_allowed(fields: dict[str, Any]) -> None:
    mapping.read_order(body(**fields), MODELS)


def test_an_unchecked_order_may_exceed_limits_but_must_be_speakable() -> None:
    order = mapping.read_order(body(model_id=STRANGER, temperature=7, prompt="x" * 501), MODELS, checked=False)
    assert order.settings["model_id"] == STRANGER
    assert order.settings["temperature"] == 7
    assert mapping.speech_request(order).temperature == 1.0
    assert refusal(checked=False, speaker_id=STRANGER) == "invalid_speaker_id"
    assert refusal(checked=False, prompt=" ") == "prompt_required"
    assert mapping.read_order(body(speaker_id=OWN.id), MODELS, checked=False).speaker == OWN


def test_the_speech_request_says_all_of_it() -> None:
    order = mapping.read_order(body(speaker_id=FRITZ.id, temperature=0.3, seed=9, denoise_audio=False), MODELS)
    request = mapping.speech_request(order)
    assert (request.text, request.voice_id, request.language) == ("Hi", FRITZ.voice_id, None)
    assert (request.temperature, request.seed) == (0.3, 9)
    assert (request.denoise, request.remove_silence) == (False, True)
    assert (request.format, request.loudness) == ("mp3", -16.0)


@pytest.mark.parametrize(
    ("length", "credits"),
    [
        *((0, 0), (1, 1), (57, 1), (58, 2), (114, 2), (115, 3), (171, 3), (172, 4), (228, 4), (229, 5), (286, 6)),
        *((343, 7), (399, 7), (400, 8), (401, 8), (457, 8), (458, 9), (500, 9)),
    ],
)
def test_cost(length: int, credits: int) -> None:
    assert mapping.cost("x" * length, 0.0175) == credits


def test_cost_counts_code_points() -> None:
    assert mapping.cost("\u2019" * 2 + "x" * 337, 0.0175) == 6
    assert mapping.cost("😀" * 57, 0.0175) == 1


@given(st.integers(0, 500))
def test_cost_differs_from_exact_arithmetic_at_400_only(length: int) -> None:
    exact = -(-175 * length // 10_000)
    assert mapping.cost("x" * length, 0.0175) == exact + (length == 400)


def test_settings_are_stored_as_plain_json_and_come_back() -> None:
    settings = mapping.read_order(body(temperature=0.7), MODELS).settings
    details = json.loads(json.dumps(mapping.output_details(settings, "id", True)))
    assert details["settings"]["temperature"] == 0.7
    assert details["id"] == "id"
    assert details["was_auto_submitted"] is True
    assert details["file_name"].endswith(".mp3")
    assert mapping.read_settings(details["settings"]) == settings


def test_the_answer_to_a_create() -> None:
    output = an_output()
    made = mapping.created(output, mapping.read_settings(output.settings), 99_999, link_to)
    assert wire.encode(made) == (
        b'{"outputs":[{"id":"7d7a5f0e-0000-4000-8000-222222222222","url":"http://testv.com/x.mp3",'
        b'"audio_file_url":"http://testv.com/x.mp3","audio_duration":5.3976874}],"remaining_credits":99,'
        b'"settings":{"model_id":"0f442a3e-cf53-490b-b4a9-b0dda63e9523",'
        b'"speaker_id":"0140c5dc-af12-4643-bfec-650d3cd03c56","temperature":0.7,"seed":12447287,'
        b'"denoise_audio":true,"remove_silence":false}}\n'
    )


def test_defaults_have_no_seed() -> None:
    assert wire.encode(mapping.defaults(MODELS)) == (
        b'{"model_id":"0f442a3e-cf53-490b-b4a9-b0dda63e9523","speaker_id":"0140c5dc-af12-4643-bfec-650d3cd03c56",'
        b'"temperature":0.7,"denoise_audio":true,"remove_silence":true}\n'
    )


def test_models() -> None:
    assert mapping.listed_models(MODELS) == {
        "models": [
            {
                "id": BARK_ID,
                "name": "bark",
                "is_default": True,
                "available_speakers": [{"id": s.id, "name": s.name} for s in (BRYAN, FRITZ)],
            },
            {
                "id": OWN_MODEL_ID,
                "name": "myna",
                "is_default": False,
                "available_speakers": [{"id": OWN.id, "name": "fake:en-GB.2"}],
            },
        ]
    }


def test_credits() -> None:
    listed = mapping.credits([a_credit(100_000, "Free"), a_credit(0, "Refund"), a_credit(1_234_000, "Bonus")])
    assert listed["total_remaining_credits"] == 1334
    assert [row["remaining_amount"] for row in listed["credits"]] == [100, 0, 1234]
    assert listed["credits"][1] == {
        "id": "row",
        "remaining_amount": 0,
        "expires_at": "2100-01-01T05:00:00Z",
        "type": {
            "id": "7ca94fd6-c201-4ca6-a9bf-4473c83e30b4",
            "name": "Refund",
            "amount": 0,
            "description": "For generate/upscale failure refunds",
        },
    }
    assert listed["credits"][0]["type"]["id"] == "3b12b23e-478b-4c18-8e34-70b3f0af1ee6"
    assert listed["credits"][2]["type"] == {
        "id": own_id("credit type Bonus"),
        "name": "Bonus",
        "amount": 0,
        "description": "",
    }


def test_no_credits() -> None:
    assert wire.encode(mapping.credits([])) == b'{"total_remaining_credits":0,"credits":[]}\n'


@given(st.lists(st.integers(0, 10**9)))
def test_whole_credits_of_the_rows_sum_up_to_the_whole_total(amounts: list[int]) -> None:
    listed = mapping.credits([a_credit(amount) for amount in amounts])
    rows = [row["remaining_amount"] for row in listed["credits"]]
    assert sum(rows) == listed["total_remaining_credits"] == sum(amounts) // 1000
    assert all(0 <= row <= math.ceil(amount / 1000) for row, amount in zip(rows, amounts, strict=True))


@pytest.mark.parametrize(
    ("types", "free"), [([], False), (["Free"], True), (["Free", "Refund"], True), (["Free", "Granted"], False)]
)
def test_who_is_a_free_user(types: list[str], free: bool) -> None:
    assert mapping.is_free_user([a_credit(1, type) for type in types]) is free


def test_a_listed_output() -> None:
    page = mapping.outputs(Page([an_output()], False), 1, MODELS, SPEAKERS, link_to)
    nested = (
        '{"id":"7d7a5f0e-0000-4000-8000-222222222222","audio_file_url":"http://testv.com/x.mp3",'
        '"audio_array":[0,0.5,1],"audio_duration":5.3976874,"is_favorited":false,"was_auto_submitted":true,'
        '"is_public":false'
    )
    prompt_id = an_output().prompt_id
    assert wire.encode(page).decode() == (
        f'{{"total_count":1,"outputs":[{nested},"voiceover":{{'
        '"id":"5c1ad4a4-2a4f-4a24-8b9c-111111111111","seed":12447287,"temperature":0.7,"status":"succeeded",'
        '"model_id":"0f442a3e-cf53-490b-b4a9-b0dda63e9523","created_at":"2023-06-21T18:09:50.09935Z",'
        '"updated_at":"2023-06-21T18:09:50.09935Z","started_at":"2023-06-21T18:09:50.2Z",'
        f'"completed_at":"2023-06-21T18:09:52Z","is_favorited":false,"outputs":[{nested}}}],'
        f'"prompt":{{"id":"{prompt_id}","text":" Hi\\n"}},"was_auto_submitted":true,'
        '"denoise_audio":true,"remove_silence":false,'
        '"speaker":{"id":"0140c5dc-af12-4643-bfec-650d3cd03c56","name":"v2/en_speaker_0","locale":"en"}},'
        '"denoise_audio":true,"remove_silence":false}]}\n'
    )


def test_a_page_in_the_middle_has_next_and_no_count() -> None:
    page = mapping.outputs(Page([an_output()], True), None, MODELS, SPEAKERS, link_to)
    assert "total_count" not in page
    assert page["next"] == "2023-06-21T18:09:50.09935Z"


def test_an_empty_page() -> None:
    assert (
        wire.encode(mapping.outputs(Page([], False), 0, MODELS, SPEAKERS, link_to))
        == b'{"total_count":0,"outputs":[]}\n'
    )
    assert wire.encode(mapping.outputs(Page([], False), None, MODELS, SPEAKERS, link_to)) == b'{"outputs":[]}\n'


def test_outputs_of_other_apis_are_told_in_stablecogs_words() -> None:
    job = a_job(id="cm2abc", api="magichour", started_at=None, finished_at=None)
    listed = mapping.listed_output(an_output(job=job, settings=REQUEST), MODELS, SPEAKERS, link_to)
    voiceover = listed["voiceover"]
    assert voiceover["id"] == own_id("cm2abc")
    assert voiceover["model_id"] == OWN_MODEL_ID
    assert voiceover["speaker"] == {"id": OWN.id, "name": OWN.name, "locale": "en"}
    assert (voiceover["temperature"], voiceover["seed"]) == (np.float32(0.25), 3)
    assert (listed["denoise_audio"], listed["remove_silence"]) == (False, True)
    assert "started_at" not in voiceover
    assert "completed_at" not in voiceover


def test_an_unlisted_voice_of_another_api_has_an_id_of_its_own() -> None:
    job = a_job(api="openai", request={"voice_id": "fake:fr-FR.3"})
    voiceover = mapping.listed_output(an_output(job=job), MODELS, SPEAKERS, link_to)["voiceover"]
    assert voiceover["speaker"] == {"id": own_id("fake:fr-FR.3"), "name": "fake:fr-FR.3", "locale": "fr"}
    assert (voiceover["temperature"], voiceover["seed"]) == (0, 0)


def test_voices_that_no_model_lists_are_known_before() -> None:
    other = an_output(job=a_job(api="openai"))
    own = an_output(
        job=a_job(request={**REQUEST, "voice_id": CLONED.voice_id}),
        settings={**an_output().settings, "speaker_id": CLONED.id},
    )
    assert mapping.unlisted_voices([an_output(), other, own], MODELS) == {"fake:en-GB.2", CLONED.voice_id}
    gone = mapping.listed_output(other, MODELS, {}, link_to)
    assert gone["voiceover"]["speaker"]["locale"] == ""


def test_a_speaker_that_is_no_longer_there_keeps_its_id() -> None:
    settings = {**an_output().settings, "speaker_id": STRANGER}
    voiceover = mapping.listed_output(an_output(settings=settings), MODELS, SPEAKERS, link_to)["voiceover"]
    assert voiceover["speaker"] == {"id": STRANGER, "name": "fake:en-GB.2", "locale": ""}


@pytest.mark.parametrize("model_id", [BARK_ID, OWN_MODEL_ID, None])
def test_an_own_voice_belongs_to_every_model(model_id: str | None) -> None:
    order = mapping.read_order(body(model_id=model_id, speaker_id=CLONED.id), MODELS, CLONED)
    assert order.speaker == CLONED
    assert order.settings["speaker_id"] == CLONED.id
    assert mapping.speech_request(order).voice_id == CLONED.voice_id


def test_the_model_of_an_own_voice_must_exist_too() -> None:
    with pytest.raises(StablecogError, match="invalid_model_id"):
        mapping.read_order(body(model_id=STRANGER, speaker_id=CLONED.id), MODELS, CLONED)


@pytest.mark.parametrize("api", ["stablecog", "openai"])
def test_what_an_own_voice_said_is_listed_with_its_speaker(api: str) -> None:
    job = a_job(api=api, request={**REQUEST, "voice_id": CLONED.voice_id})
    spoken = an_output(job=job, settings={**an_output().settings, "speaker_id": CLONED.id})
    voiceover = mapping.listed_output(spoken, MODELS, {CLONED.voice_id: CLONED}, link_to)["voiceover"]
    assert voiceover["speaker"] == {"id": CLONED.id, "name": "Mine", "locale": "de"}
