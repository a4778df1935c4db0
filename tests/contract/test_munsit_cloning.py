"""Munsit's two calls that make a voice. The numbers are those of the cases in its description, section 12."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from myna.media.decode import decode
from tests.fixtures.munsit import PER_CHARACTER, RAW_24K, TEXT, TWELVE, Account, check_error, wrapped
from tests.fixtures.recordings import median_pitch
from tests.fixtures.server import ServerFactory, ServerProcess

A_SHARE = "{} must be a number between 0 and 1"
SPEED = "speed must be a number between 0.7 and 1.2"
WRONG_SHARES = ["abc", "NaN", "nan", "inf", "-inf", "1.01", "-0.1", "", " ", "0,5", "1e400", "0x1", "1_0", "١", "true"]


@pytest.fixture(scope="module")
def account(server: ServerProcess):
    """For what does not depend on what came before: the recordings are examined once for each account."""
    made = Account(server, credits=10_000)
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def listener(server: ServerProcess):
    """An account that hears previews and keeps no voice."""
    made = Account(server, credits=10_000)
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def keeper(server: ServerProcess):
    """An account whose voices nobody deletes."""
    made = Account(server)
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def refused(server: ServerProcess):
    """An account of which nothing is accepted: it has no voices and has spent nothing."""
    made = Account(server)
    yield made
    assert (made.own(), made.spent) == ([], 0)
    made.http.close()


@pytest.fixture
def fresh(server: ServerProcess):
    """An account without voices that has spent nothing. Each examines its recording anew."""
    made = Account(server)
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def heard(account: Account, low_voice: bytes) -> bytes:
    """A preview, for clones that are about something else."""
    answer = account.preview(low_voice)
    assert answer.status_code == 200, answer.text
    return answer.content


class TestPreview:
    def test_4_samples_without_a_header_as_they_are_made(self, account, low_voice):
        answer = account.preview(low_voice)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == RAW_24K
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["connection"] == "keep-alive"
        assert answer.headers["transfer-encoding"] == "chunked"
        assert "content-length" not in answer.headers
        assert answer.content[:4] not in (b"RIFF", b"fLaC", b"OggS")
        assert len(answer.content) % 2 == 0
        assert len(answer.content) > 24_000

    def test_it_sounds_like_its_reference(self, account, low_voice, high_voice):
        low, high = (
            median_pitch(wrapped(account.preview(voice, similarity="1").content)) for voice in (low_voice, high_voice)
        )
        assert high > 1.3 * low

    def test_no_voice_is_made_and_no_id_is_told(self, listener, low_voice):
        answer = listener.preview(low_voice)
        assert not any("id" in name and name != "x-request-id" for name in answer.headers)
        assert listener.own() == []

    @pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000])
    def test_other_sample_rates(self, account, low_voice, rate):
        answer = account.preview(low_voice, sample_rate=str(rate))
        assert answer.headers["content-type"] == f"audio/raw;codec=pcm16;rate={rate};channels=1"
        usual = account.preview(low_voice)
        assert len(answer.content) / rate == pytest.approx(len(usual.content) / 24_000, rel=0.01)

    def test_speed(self, account, low_voice):
        slow, fast = (len(account.preview(low_voice, speed=speed).content) for speed in ("0.7", "1.2"))
        assert slow > 1.5 * fast

    @pytest.mark.parametrize("similarity", ["0", "1", "0.5", " 0.5 ", "+.5", "1.0", "5e-1", "0."])
    def test_2_numbers_come_as_text(self, account, low_voice, similarity):
        assert account.preview(low_voice, similarity=similarity).status_code == 200

    @pytest.mark.parametrize("similarity", WRONG_SHARES)
    def test_2_what_is_no_share(self, refused, low_voice, similarity):
        check_error(refused.preview(low_voice, similarity=similarity), 40001, A_SHARE.format("similarity"))
        assert refused.spent == 0

    @pytest.mark.parametrize("speed", ["0.69", "1.21", "abc", "NaN", "", "-1"])
    def test_2_what_is_no_speed(self, account, low_voice, speed):
        check_error(account.preview(low_voice, speed=speed), 40001, SPEED)

    @pytest.mark.parametrize("rate", ["7999", "48001", "abc", "", "24000.5", "NaN"])
    def test_2_what_is_no_sample_rate(self, account, low_voice, rate):
        check_error(account.preview(low_voice, sample_rate=rate), 40001)

    @pytest.mark.parametrize(
        ("field", "message"),
        [
            ("text", "text is required"),
            ("similarity", A_SHARE.format("similarity")),
            ("model_id", "model_id is required"),
        ],
    )
    @pytest.mark.parametrize("value", [..., ""])
    def test_6_each_missing_field_has_its_message(self, account, low_voice, field, message, value):
        check_error(account.preview(low_voice, **{field: value}), 40001, message)

    def test_6_without_a_file(self, account):
        check_error(account.preview(b""), 40001, "file is required and must be of audio type")

    def test_6_a_file_as_plain_text(self, account):
        files = {"file": (None, "not a file")}
        fields = {"text": TEXT, "similarity": "1", "model_id": "fake"}
        answer = account.http.post("/voices/preview", data=fields, files=files)
        check_error(answer, 40001, "file is required and must be of audio type")

    @pytest.mark.parametrize("type", ["text/plain", "image/png", "application/json", "application/pdf"])
    def test_6_the_type_of_the_part_counts(self, account, low_voice, type):
        answer = account.preview(low_voice, type=type)
        check_error(answer, 40001, "file is required and must be of audio type")

    @pytest.mark.parametrize(
        "type", ["audio/wav", "audio/x-wav", "audio/mpeg", "application/octet-stream", "video/webm"]
    )
    def test_then_the_content_counts(self, account, low_voice, type):
        assert account.preview(low_voice, type=type).status_code == 200

    def test_a_part_without_a_type(self, account, low_voice):
        """As `requests` sends files that were opened, and curl those whose endings it does not know."""
        boundary = "xxxx"
        fields = {"text": TEXT, "similarity": "1", "model_id": "fake"}
        lines = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()
        ]
        lines.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n')
        content = "".join(lines).encode() + low_voice + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        assert account.http.post("/voices/preview", content=content, headers=headers).status_code == 200

    def test_what_is_no_sound(self, refused):
        missing = "file is required and must be of audio type"
        check_error(refused.preview(b"This is a letter. " * 50, type="application/octet-stream"), 40001, missing)
        message = check_error(refused.preview(b"This is a letter. " * 50, type="audio/wav"), 40001)
        assert message.startswith("file: ")
        assert refused.spent == 0

    @pytest.mark.parametrize("text", ["two words", "a b c d", "ab cd efg", "   a b c      ", "x" * 30])
    def test_6_too_few_words_or_characters(self, account, low_voice, text):
        message = "text must have at least 3 words and 10 characters"
        check_error(account.preview(low_voice, text=text), 40001, message)

    def test_6_three_words_and_ten_characters(self, account, low_voice):
        assert account.preview(low_voice, text="abc def gh").status_code == 200

    def test_a_pause_is_no_word(self, account, low_voice):
        text = 'two words <break time="200ms"/>'
        check_error(account.preview(low_voice, text=text), 40001)
        assert account.preview(low_voice, text=f"{text} more").status_code == 200

    def test_500_characters_and_one_more(self, account, low_voice):
        text = ("Word " * 100)[:500]
        assert account.preview(low_voice, text=text).status_code == 200
        check_error(account.preview(low_voice, text=text + "x"), 40001)

    def test_an_unknown_model(self, account, low_voice):
        check_error(account.preview(low_voice, model_id="nobody"), 40001, "Model not found: nobody")

    def test_1_its_fields_have_their_own_names(self, account, low_voice):
        """`model_id` and `similarity` here, `model` and `stability` there."""
        wrong = {"model": "fake", "model_id": ...}
        check_error(account.preview(low_voice, **wrong), 40001, "model_id is required")
        wrong = {"stability": "0.5", "similarity": ...}
        check_error(account.preview(low_voice, **wrong), 40001, A_SHARE.format("similarity"))

    def test_what_was_spoken_is_charged(self, listener, low_voice):
        before = listener.spent
        listener.preview(low_voice)
        assert listener.spent - before == len(TEXT) * PER_CHARACTER

    def test_an_empty_wallet_is_said_before_the_work(self, server, low_voice):
        poor = Account(server, credits=1)
        check_error(poor.preview(low_voice), 40201, "Insufficient wallet balance")
        check_error(poor.preview(b"no sound at all", type="audio/wav"), 40201, "Insufficient wallet balance")
        assert poor.spent == 0

    def test_a_failure_costs_nothing(self, listener, low_voice):
        before = listener.spent
        answer = listener.preview(low_voice, text="fake:fail=out_of_order That is not said.")
        check_error(answer, 50001, "Failed to generate voice preview")
        assert listener.spent == before

    def test_a_failure_in_the_middle_is_no_complete_answer(self, listener, low_voice):
        before = listener.spent
        text = "This sentence is spoken well enough. " * 10 + "fake:fail=too_hard And this one is not."
        with pytest.raises(httpx.RemoteProtocolError):
            listener.preview(low_voice, text=text)
        assert listener.spent == before

    def test_who_leaves_pays_for_what_was_spoken(self, listener, low_voice):
        before = listener.spent
        text = "This is the beginning. " * 10 + "fake:slow=30 This takes its time. " * 6
        with pytest.raises(httpx.ReadTimeout):
            listener.preview(low_voice, text=text, timeout=httpx.Timeout(60, read=5))
        deadline = time.monotonic() + 60
        while (spent := listener.spent - before) == len(text) * PER_CHARACTER:
            assert time.monotonic() < deadline, "the price is still held"
            time.sleep(0.1)
        assert 0 < spent < len(text) * PER_CHARACTER

    def test_too_short_is_said_with_what_to_do(self, account, low_voice):
        message = check_error(account.preview(low_voice[:40_000]), 40001)
        assert "10 to 30 s" in message

    def test_not_a_form(self, account):
        answer = account.http.post("/voices/preview", json={"text": TEXT})
        assert "multipart/form-data" in check_error(answer, 40001)
        check_error(account.http.post("/voices/preview"), 40001, "text is required")

    @pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=x"])
    def test_a_broken_form(self, account, content_type):
        answer = account.http.post("/voices/preview", content=b"--y\r\nrubbish", headers={"Content-Type": content_type})
        check_error(answer, 40001)

    def test_more_parts_than_there_are_fields(self, account, low_voice):
        many = {f"field{number}": "x" for number in range(30)}
        check_error(account.preview(low_voice, **many), 40001)
        files = [(f"file{number}", ("a.wav", low_voice, "audio/wav")) for number in range(3)]
        check_error(account.http.post("/voices/preview", files=files), 40001)

    def test_the_null_character(self, account, low_voice):
        check_error(account.preview(low_voice, text=f"{TEXT}\0"), 40001)

    def test_repeated_with_a_key_it_is_the_same_and_paid_once(self, listener, low_voice):
        before = listener.spent
        headers = {"Idempotency-Key": "one preview"}
        first, again = (listener.preview(low_voice, headers=headers) for _ in range(2))
        assert again.content == first.content
        assert again.headers["content-type"] == RAW_24K
        assert listener.spent - before == len(TEXT) * PER_CHARACTER


class TestClone:
    def test_7_twelve_keys_and_a_voice_that_speaks_at_once(self, account, low_voice, heard):
        answer = account.clone(low_voice, heard)
        assert answer.status_code == 200
        voice = answer.json()
        assert set(voice) == TWELVE
        assert str(uuid.UUID(voice["id"])) == voice["id"]
        assert voice["voice_id"].startswith("voice_")
        assert voice["name"] == "Mine"
        assert voice["stability"] == 0.5
        assert account.speak(voice["voice_id"]).status_code == 200
        assert account.speak(voice["id"]).status_code == 200

    def test_5_what_was_not_said_is_null_or_an_empty_array(self, account, low_voice, heard):
        voice = account.clone(low_voice, heard, description="", gender=" ", avatar_url="").json()
        for field in ("description", "gender", "age", "avatar_url"):
            assert voice[field] is None, field
        assert voice["type"] == "cloned"
        assert voice["languages"] == voice["dialect"] == []

    def test_1_dialects_in_and_dialect_out(self, account, low_voice, heard):
        voice = account.clone(
            low_voice,
            heard,
            name="سارة",
            description="Warm and calm",
            gender="female",
            age="middle",
            languages="ar,en",
            dialects="najdi,hijazi",
            avatar_url="https://example.com/sara.png",
            stability="0.9",
        ).json()
        assert voice["dialect"] == ["najdi", "hijazi"]
        assert "dialects" not in voice
        assert voice["languages"] == ["ar", "en"]
        assert (voice["name"], voice["description"]) == ("سارة", "Warm and calm")
        assert (voice["gender"], voice["age"], voice["stability"]) == ("female", "middle", 0.9)
        assert voice["avatar_url"] == "https://example.com/sara.png"

    def test_1_its_fields_have_their_own_names(self, account, low_voice, heard):
        check_error(account.clone(low_voice, heard, model=..., model_id="fake"), 40001, "model is required")
        check_error(account.clone(low_voice, heard, stability=..., similarity="1"), 40001, "stability is required")
        voice = account.clone(low_voice, heard, dialect="najdi").json()
        assert voice["dialect"] == []

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("ar, en", ["ar", "en"]),
            (" ar ,, en , ", ["ar", "en"]),
            ("ar,ar,en,ar", ["ar", "en"]),
            (",", []),
            ("", []),
            (["ar", "en,fr"], ["ar", "en", "fr"]),
        ],
    )
    def test_3_values_between_commas(self, account, low_voice, heard, given, kept):
        voice = account.clone(low_voice, heard, languages=given).json()
        assert voice["languages"] == kept

    @pytest.mark.parametrize("fields", [{"languages": "Arabic (Gulf)"}, {"dialects": "نجدي"}, {"languages": "a" * 40}])
    def test_3_what_is_no_language_or_dialect(self, account, low_voice, heard, fields):
        (name,) = fields
        assert check_error(account.clone(low_voice, heard, **fields), 40001).startswith(name)

    @pytest.mark.parametrize("stability", ["0", "1", "0.25"])
    def test_2_stability_as_text(self, account, low_voice, heard, stability):
        assert account.clone(low_voice, heard, stability=stability).json()["stability"] == float(stability)

    @pytest.mark.parametrize("stability", WRONG_SHARES)
    def test_2_what_is_no_stability(self, refused, low_voice, heard, stability):
        check_error(refused.clone(low_voice, heard, stability=stability), 40001, A_SHARE.format("stability"))
        assert refused.own() == []

    @pytest.mark.parametrize("field", ["text", "name", "model"])
    @pytest.mark.parametrize("value", [..., "", "  "])
    def test_each_missing_field(self, account, low_voice, heard, field, value):
        check_error(account.clone(low_voice, heard, **{field: value}), 40001, f"{field} is required")

    @pytest.mark.parametrize("field", ["voice_file", "reference_audio_file"])
    def test_each_missing_file(self, account, low_voice, heard, field):
        check_error(account.clone(low_voice, heard, files={field: ...}), 40001, f"{field} is required")

    @pytest.mark.parametrize("field", ["voice_file", "reference_audio_file"])
    @pytest.mark.parametrize(
        "part", [("a.txt", b"x", "text/plain"), ("a.wav", b"", "audio/wav"), (None, "x"), ("a.png", b"x", "image/png")]
    )
    def test_each_file_that_is_no_sound(self, account, low_voice, heard, field, part):
        answer = account.clone(low_voice, heard, files={field: part})
        check_error(answer, 40001, f"{field} is required and must be of audio type")

    def test_an_unknown_model(self, account, low_voice, heard):
        check_error(account.clone(low_voice, heard, model="faseeh-v9"), 40001, "Model not found: faseeh-v9")

    @pytest.mark.parametrize(
        "fields",
        [
            {"name": "x" * 101},
            {"name": "two\nlines"},
            {"description": "x" * 501},
            {"gender": "x" * 65},
            {"avatar_url": "http://example.com/a.png"},
            {"avatar_url": "https://" + "x" * 2_048},
            {"avatar_url": "javascript:alert(1)"},
            {"dialects": ",".join(f"d{number}" for number in range(21))},
        ],
    )
    def test_limits(self, refused, low_voice, heard, fields):
        (name,) = fields
        assert name in check_error(refused.clone(low_voice, heard, **fields), 40001)
        assert refused.own() == []

    def test_at_the_limits(self, account, low_voice, heard):
        fields = {"name": "x" * 100, "description": "y" * 500, "avatar_url": "https://e.example/" + "z" * 2_030}
        voice = account.clone(low_voice, heard, **fields).json()
        assert {name: voice[name] for name in fields} == fields

    def test_it_is_free(self, account, low_voice, heard):
        before = account.spent
        assert account.clone(low_voice, heard).status_code == 200
        assert account.spent == before

    def test_a_text_that_differs_is_accepted(self, account, low_voice, heard):
        assert account.clone(low_voice, heard, text="Hi").status_code == 200

    def test_a_preview_that_was_made_elsewhere_is_accepted(self, account, low_voice):
        assert account.clone(low_voice, bytes(48_000)).status_code == 200

    def test_without_a_key_two_calls_make_two_voices(self, keeper, low_voice, heard):
        before = ids_of(keeper)
        made = {keeper.clone(low_voice, heard).json()["voice_id"] for _ in range(2)}
        assert len(made) == 2
        assert ids_of(keeper) - before == made

    def test_with_a_key_they_make_one(self, keeper, low_voice, heard):
        before = ids_of(keeper)
        headers = {"Idempotency-Key": f'"{uuid.uuid4()}"'}
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: keeper.clone(low_voice, heard, headers=headers), range(8)))
        assert {answer.status_code for answer in answers} <= {200, 409}
        last = keeper.clone(low_voice, heard, headers=headers)
        made = {answer.json()["voice_id"] for answer in [*answers, last] if answer.status_code == 200}
        assert len(made) == 1
        assert ids_of(keeper) - before == made
        check_error(keeper.clone(low_voice, heard, headers=headers, name="Other"), 42201)

    def test_the_sample_is_the_preview_as_wav_and_needs_no_key(self, account, low_voice, heard):
        voice = account.clone(low_voice, heard).json()
        assert voice["sample_url"].startswith(account.server.url)
        sample = httpx.get(voice["sample_url"])
        assert (sample.status_code, sample.headers["content-type"]) == (200, "audio/wav")
        assert sample.content == wrapped(heard)
        own = account.http.get(f"/voices/{voice['voice_id']}/sample")
        assert own.content == sample.content

    def test_a_consent_that_does_not_exist(self, account, low_voice, heard):
        answer = account.clone(low_voice, heard, consent_id="cons_000000000000000000000000")
        assert answer.status_code in (400, 404)


class TestPreviewFile:
    """Case 4: the preview comes back raw, or in a WAV file."""

    @pytest.mark.parametrize(
        ("name", "type"),
        [
            ("preview.pcm", RAW_24K),
            ("preview.raw", "audio/raw"),
            ("preview", "audio/pcm;rate=24000"),
            ("preview", 'audio/raw; codec="pcm16"; rate="24000"; channels="1"'),
            ("preview.pcm", "application/octet-stream"),
        ],
    )
    def test_raw(self, account, low_voice, heard, name, type):
        voice = account.clone(low_voice, heard, files={"voice_file": (name, heard, type)}).json()
        assert httpx.get(voice["sample_url"]).content == wrapped(heard)
        assert verified(account, voice)

    @pytest.mark.parametrize(
        "type", ["audio/wav", "audio/x-wav", "audio/wave", "application/octet-stream", "audio/raw"]
    )
    def test_as_wav(self, account, low_voice, heard, type):
        files = {"voice_file": ("preview.wav", wrapped(heard), type)}
        voice = account.clone(low_voice, heard, files=files).json()
        assert httpx.get(voice["sample_url"]).content == wrapped(heard)
        assert verified(account, voice)

    def test_at_another_rate(self, account, low_voice):
        heard = account.preview(low_voice, sample_rate="16000").content
        files = {"voice_file": ("p", heard, "audio/raw;codec=pcm16;rate=16000;channels=1")}
        voice = account.clone(low_voice, heard, files=files).json()
        assert decode(httpx.get(voice["sample_url"]).content)[1] == 16_000

    def test_one_that_was_made_elsewhere_is_not_verified(self, account, low_voice, high_voice, heard):
        assert not verified(account, account.clone(low_voice, heard[:-2]).json())
        assert not verified(account, account.clone(high_voice, heard).json())

    @pytest.mark.parametrize(
        "type",
        [
            "audio/raw;codec=pcm24;rate=24000;channels=1",
            "audio/raw;codec=pcm16;rate=24000;channels=2",
            "audio/raw;codec=pcm16;rate=abc;channels=1",
            "audio/raw;codec=pcm16;rate=1;channels=1",
            "audio/raw;codec=pcm16;rate=4294967296;channels=1",
        ],
    )
    def test_raw_in_a_form_that_is_not_read(self, account, low_voice, heard, type):
        check_error(account.clone(low_voice, heard, files={"voice_file": ("p", heard, type)}), 40001)

    def test_half_a_sample(self, account, low_voice, heard):
        check_error(account.clone(low_voice, heard[:-1]), 40001)

    def test_what_is_no_sound(self, account, low_voice, heard):
        part = ("a.wav", b"This is a letter. " * 100, "audio/wav")
        assert check_error(account.clone(low_voice, heard, files={"voice_file": part}), 40001).startswith("voice_file")
        answer = account.clone(low_voice, heard, files={"reference_audio_file": part})
        assert check_error(answer, 40001).startswith("reference_audio_file")

    def test_longer_than_any_preview(self, account, low_voice, heard):
        part = ("p", bytes(2 * 8_000 * 301), "audio/raw;rate=8000")
        check_error(account.clone(low_voice, heard, files={"voice_file": part}), 40001)


def ids_of(account: Account) -> set[str]:
    return {voice["voice_id"] for voice in account.own()}


def verified(account: Account, voice: dict) -> bool:
    """Whether the server knew the preview of a voice as its own; the vendor has no field for it."""
    headers = {"Authorization": f"Bearer {account.key}"}
    url = f"{account.server.url}/myna/v1/voices/{voice['voice_id']}"
    return httpx.get(url, headers=headers).json()["preview_verified"]


def files_of(account: Account, voice: dict) -> list[str]:
    """What the server has stored of a voice."""
    paths = account.server.data_dir.rglob("*")
    return [str(path) for path in paths if voice["voice_id"] in str(path) and path.is_file()]


class TestOwnVoices:
    def test_they_come_first_in_the_list_the_oldest_before_the_others(self, fresh, low_voice, heard):
        made = [fresh.clone(low_voice, heard, name=name).json() for name in ("first", "second")]
        listed = fresh.voices()[:2]
        assert [voice["voice_id"] for voice in listed] == [voice["voice_id"] for voice in made]
        for voice, before in zip(listed, made, strict=True):
            assert {**voice, "sample_url": ""} == {**before, "sample_url": ""}

    def test_in_pages_of_one(self, fresh, low_voice, heard):
        made = [fresh.clone(low_voice, heard, name=name).json() for name in ("first", "second")]
        first = fresh.http.get("/voices", params={"limit": 1})
        assert first.json()[0]["voice_id"] == made[0]["voice_id"]
        fresh.http.delete(f"/voices/{made[0]['voice_id']}")
        cursor = httpx.URL(first.links["next"]["url"]).params["cursor"]
        second = fresh.http.get("/voices", params={"limit": 1, "cursor": cursor})
        assert second.json()[0]["voice_id"] == made[1]["voice_id"]

    def test_get(self, account, low_voice, heard):
        made = account.clone(low_voice, heard, languages="ar", dialects="najdi").json()
        for voice_id in (made["voice_id"], made["id"]):
            found = account.http.get(f"/voices/{voice_id}").json()
            assert {**found, "sample_url": ""} == {**made, "sample_url": ""}

    def test_patch(self, account, low_voice, heard):
        made = account.clone(low_voice, heard, description="old", gender="male", languages="ar").json()
        change = {
            "name": "New name",
            "description": None,
            "gender": "female",
            "age": "elderly",
            "languages": ["en", " ar "],
            "dialects": ["emirati"],
            "avatar_url": "https://example.com/a.png",
            "stability": 0,
        }
        answer = account.http.patch(f"/voices/{made['voice_id']}", json=change)
        assert answer.status_code == 200
        changed = answer.json()
        assert set(changed) == TWELVE
        assert changed["dialect"] == ["emirati"]
        assert changed["languages"] == ["en", "ar"]
        assert {
            name: changed[name] for name in ("name", "description", "gender", "age", "avatar_url", "stability")
        } == {name: change[name] for name in ("name", "description", "gender", "age", "avatar_url", "stability")}
        found = account.http.get(f"/voices/{made['voice_id']}").json()
        assert {**found, "sample_url": ""} == {**changed, "sample_url": ""}

    def test_patch_of_one_field_leaves_the_others(self, account, low_voice, heard):
        made = account.clone(low_voice, heard, description="old", dialects="najdi").json()
        changed = account.http.patch(f"/voices/{made['voice_id']}", json={"age": "middle"}).json()
        assert {**changed, "sample_url": ""} == {**made, "age": "middle", "sample_url": ""}
        emptied = account.http.patch(f"/voices/{made['voice_id']}", json={"dialects": None, "description": ""}).json()
        assert (emptied["dialect"], emptied["description"]) == ([], None)
        assert account.http.patch(f"/voices/{made['voice_id']}", json={}).json()["age"] == "middle"

    @pytest.mark.parametrize(
        "change",
        [
            {"name": ""},
            {"name": None},
            {"name": "x" * 101},
            {"stability": 1.01},
            {"stability": None},
            {"stability": "0.5"},
            {"languages": "ar,en"},
            {"languages": [3]},
            {"dialect": ["najdi"]},
            {"voice_file": "x"},
            {"voice_id": "voice_x"},
            {"avatar_url": "http://example.com"},
            {"gender": "a\0b"},
            [],
            "x",
            None,
        ],
    )
    def test_patches_that_are_refused(self, account, low_voice, heard, change):
        made = account.clone(low_voice, heard).json()
        check_error(account.http.patch(f"/voices/{made['voice_id']}", content=json.dumps(change)), 40001)
        assert account.http.get(f"/voices/{made['voice_id']}").json()["name"] == "Mine"

    def test_delete(self, fresh, low_voice, heard):
        made = fresh.clone(low_voice, heard).json()
        path = f"/voices/{made['voice_id']}"
        fresh.speak(made["voice_id"])
        assert files_of(fresh, made)
        answer = fresh.http.delete(path)
        assert (answer.status_code, answer.content) == (204, b"")
        check_error(fresh.http.delete(path), 40401, "Voice not found")
        check_error(fresh.http.get(path), 40401, "Voice not found")
        check_error(fresh.speak(made["voice_id"]), 40401, "Voice not found")
        assert httpx.get(made["sample_url"]).status_code == 404
        assert fresh.own() == []
        assert files_of(fresh, made) == []

    def test_a_voice_of_another_account_does_not_exist(self, keeper, low_voice, heard):
        made = keeper.clone(low_voice, heard).json()
        stranger = Account(keeper.server)
        for voice_id in (made["voice_id"], made["id"]):
            path = f"/voices/{voice_id}"
            for answer in (
                stranger.http.get(path),
                stranger.http.patch(path, json={"name": "Taken"}),
                stranger.http.delete(path),
                stranger.http.get(f"{path}/sample"),
                stranger.speak(voice_id),
                stranger.speak(voice_id, path="/with-timestamps"),
            ):
                check_error(answer, 40401, "Voice not found")
        assert stranger.own() == []
        assert keeper.http.get(f"/voices/{made['voice_id']}").json()["name"] == "Mine"
        assert made["voice_id"] in ids_of(keeper)

    def test_it_is_spoken_by_its_own_engine_alone(self, account, low_voice, heard):
        made = account.clone(low_voice, heard, model="fake").json()
        assert account.speak(made["voice_id"], model="fake").status_code == 200
        check_error(account.speak(made["voice_id"], model="espeak"), 40001, "Model not found: espeak")

    def test_it_speaks_with_the_stability_that_it_was_kept_with(self, account, low_voice, heard):
        steady = account.clone(low_voice, heard, stability="1").json()["voice_id"]
        lively = account.clone(low_voice, heard, stability="0").json()["voice_id"]
        takes = {
            voice: {hashlib.sha256(account.speak(voice, stability=...).content).digest() for _ in range(3)}
            for voice in (steady, lively)
        }
        assert len(takes[steady]) == 1
        assert len(takes[lively]) == 3


@pytest.fixture(scope="module")
def strict(make_module_server: ServerFactory, low_voice: bytes):
    """An account of a server that asks for everything it can and allows little; with the voice that it may have."""
    made = Account(
        make_module_server(
            MYNA_CONSENT="recording",
            MYNA_VERIFIED_PREVIEWS="on",
            MYNA_MAX_VOICES="1",
            MYNA_MAX_REFERENCE_BYTES="600000",
            MYNA_ENGINES='["fake", "espeak"]',
            MYNA_RATE_LIMITS="off",
        )
    )
    made.consent_id = agreed(made, low_voice)
    made.heard = made.preview(low_voice, consent_id=made.consent_id).content
    made.answer = made.clone(low_voice, made.heard, consent_id=made.consent_id)
    yield made
    made.http.close()


def agreed(account: Account, recording: bytes) -> str:
    """The id of a new consent."""
    with httpx.Client(headers={"Authorization": f"Bearer {account.key}"}, timeout=60) as http:
        fields, file = {"name": "Nora agrees", "language": "en"}, {"file": ("a.wav", recording)}
        return http.post(f"{account.server.url}/myna/v1/voice-consents", data=fields, files=file).json()["id"]


class TestOperator:
    def test_a_consent_recording_may_be_needed(self, strict, low_voice):
        assert strict.answer.status_code == 200
        account = Account(strict.server)
        check_error(account.preview(low_voice), 40301)
        check_error(account.clone(low_voice, strict.heard), 40301)
        assert account.own() == []

    def test_a_preview_of_this_server_may_be_needed(self, strict, low_voice):
        assert strict.answer.status_code == 200
        check_error(strict.clone(low_voice, bytes(48_000), consent_id=strict.consent_id), 40001)

    def test_limits_of_an_account(self, strict, low_voice):
        check_error(strict.clone(low_voice, strict.heard, consent_id=strict.consent_id), 40901)
        large = low_voice + bytes(600_001)
        check_error(strict.preview(large), 41301)
        check_error(strict.clone(large, strict.heard), 41301)
        check_error(strict.clone(low_voice, bytes(600_002)), 41301)

    def test_an_engine_that_cannot_clone(self, strict, low_voice):
        refused = strict.preview(low_voice, model_id="espeak", consent_id=strict.consent_id)
        assert "espeak" in check_error(refused, 40001)
        message = check_error(strict.speak("espeak:en-us.f3", model="fake"), 40001)
        assert message == "This voice is spoken by the model espeak, not by fake"
