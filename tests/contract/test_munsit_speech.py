"""Munsit's speech over HTTP. The numbers are those of the cases in its description, section 12."""

from __future__ import annotations

import base64
import json
import time

import httpx
import numpy as np
import pytest

from myna.media.decode import decode
from tests.fixtures.munsit import ARABIC, PER_CHARACTER, STOCK, TEXT, Account, check_error
from tests.fixtures.server import ServerFactory, ServerProcess

EITHER_OR = "Either 'speakers' array or both 'text' and 'voice_id' are required"
A_RATE = "sample_rate must be an integer between 8000 and 48000"
A_SPEED = "speed must be a number between 0.7 and 1.2"
A_STABILITY = "stability must be a number between 0 and 1"
A_DIALECT = "dialect must be one of: auto, emirati, fusha"


@pytest.fixture
def account(server: ServerProcess):
    made = Account(server)
    yield made
    made.http.close()


def seconds(answer: httpx.Response, rate: int = 24_000) -> float:
    assert answer.status_code == 200, answer.text
    return len(answer.content) / 2 / rate


class TestForms:
    """Case 9."""

    @pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000])
    def test_9_streamed(self, account, rate):
        answer = account.speak(streaming=True, sample_rate=rate)
        assert answer.headers["content-type"] == f"audio/raw;codec=pcm16;rate={rate};channels=1"
        assert answer.headers["transfer-encoding"] == "chunked"
        assert len(answer.content) % 2 == 0
        assert seconds(answer, rate) == pytest.approx(len(TEXT) * 0.06, rel=0.1)
        level = np.abs(np.frombuffer(answer.content, "<i2").astype(int)).max()
        assert 1_000 < level < 32_767

    @pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
    def test_9_whole(self, account, rate):
        answer = account.speak(streaming=False, sample_rate=rate)
        assert answer.headers["content-type"] == "audio/wav"
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert int.from_bytes(answer.content[40:44], "little") == len(answer.content) - 44
        assert decode(answer.content)[1] == rate

    def test_both_are_the_same_sound(self, account):
        assert account.speak(streaming=False).content[44:] == account.speak(streaming=True).content

    def test_what_is_left_out(self, account):
        answer = account.speak(stability=..., streaming=...)
        assert answer.headers["content-type"] == "audio/wav"
        assert decode(answer.content)[1] == 24_000
        for name in ("stability", "streaming", "speed", "sample_rate", "dialect"):
            assert account.speak(**{name: None}).status_code == 200

    def test_a_whole_number_may_have_a_point(self, account):
        """JSON has one kind of number."""
        answer = account.speak(sample_rate=16_000.0, speed=1, stability=1.0)
        assert answer.headers["content-type"] == "audio/raw;codec=pcm16;rate=16000;channels=1"

    def test_any_content_type_and_unknown_fields(self, account):
        body = json.dumps({"voice_id": STOCK, "text": TEXT, "output_format": "x", "seed": 7})
        path = "/text-to-speech/faseeh-v1-preview"
        assert account.http.post(path, content=body, headers={"Content-Type": "text/plain"}).status_code == 200

    def test_sound_comes_before_the_end(self, account):
        text = "This is the beginning. " * 20 + "fake:slow=3 This sentence takes its time."
        body = {"voice_id": STOCK, "text": text, "streaming": True}
        began = time.monotonic()
        with account.http.stream("POST", "/text-to-speech/faseeh-v1-preview", json=body) as answer:
            pieces = answer.iter_bytes()
            next(pieces)
            first = time.monotonic() - began
            for _ in pieces:
                pass
        assert first < (time.monotonic() - began) / 2

    @pytest.mark.parametrize("streaming", [True, False])
    def test_a_client_that_leaves_pays_for_what_was_spoken(self, server, streaming):
        account = Account(server, credits=1_000)
        text = "This is the beginning. " * 20 + "fake:slow=30 This sentence takes its time. " * 20
        with pytest.raises(httpx.ReadTimeout):
            account.http.post(
                "/text-to-speech/fake",
                json={"voice_id": STOCK, "text": text, "streaming": streaming},
                timeout=httpx.Timeout(60, read=4),
            )
        deadline = time.monotonic() + 60
        while (spent := account.spent) == len(text) * PER_CHARACTER:
            assert time.monotonic() < deadline, "the price is still held"
            time.sleep(0.1)
        assert 0 < spent < len(text) * PER_CHARACTER


class TestDelivery:
    def test_speed(self, account):
        slow, usual, fast = (seconds(account.speak(speed=speed)) for speed in (0.7, 1, 1.2))
        assert slow == pytest.approx(usual / 0.7, rel=0.05)
        assert fast == pytest.approx(usual / 1.2, rel=0.05)

    def test_steady_is_always_the_same_and_lively_never(self, account):
        assert len({account.speak(stability=1).content for _ in range(3)}) == 1
        assert len({account.speak(stability=0).content for _ in range(3)}) == 3
        assert len({account.speak(stability=...).content for _ in range(3)}) == 3

    @pytest.mark.parametrize("dialect", ["auto", "emirati", "fusha"])
    def test_dialects(self, account, dialect):
        assert account.speak(text=ARABIC, dialect=dialect).status_code == 200

    def test_arabic(self, account):
        """Numbers become words, and any voice whose engine speaks Arabic reads it."""
        written, spoken = (seconds(account.speak(text=text)) for text in ("عندي 25 كتابا.", "عندي كتابا."))
        assert written > spoken + 0.06 * len("25")
        assert account.speak("fake:en-US.1", text=ARABIC).status_code == 200
        assert account.spent == 100 * (len("عندي 25 كتابا.") + len("عندي كتابا.") + len(ARABIC))


class TestBreaks:
    def test_they_are_pauses_and_no_words(self, account):
        plain = seconds(account.speak(text="One. Two."))
        half = seconds(account.speak(text='One. <break time="500ms"/> Two.'))
        long = seconds(account.speak(text='One. <break time="3s" /> Two.'))
        assert long - half == pytest.approx(2.5, abs=0.02)
        assert half < plain + 1

    def test_they_are_charged_as_sent(self, account):
        text = '  One.  <break time="500ms"/>  Two.  '
        assert account.speak(text=text).status_code == 200
        assert account.spent == len(text) * PER_CHARACTER

    @pytest.mark.parametrize(
        "text",
        [
            'Too long. <break time="3001ms"/>',
            'Too long. <break time="3.1s"/>',
            "Too many. " + '<break time="10ms"/>' * 21,
            "Too long together. " + '<break time="3s"/>' * 11,
            'Not a time. <break time="soon"/>',
            'Not a time. <break time="-1s"/>',
            "Not a time. <break/>",
            '<break time="1s"/>',
        ],
    )
    def test_beyond_the_limits(self, account, text):
        check_error(account.speak(text=text), 40001)
        assert account.spent == 0

    def test_at_the_limits(self, account):
        assert account.speak(text="Many. " + '<break time="1.5s"/>' * 20).status_code == 200
        assert account.speak(text="Long. " + '<break time="3s"/>' * 10).status_code == 200


class TestRefusals:
    @pytest.mark.parametrize("fields", [{"text": ...}, {"voice_id": ...}, {"text": ""}, {"voice_id": None}])
    def test_text_and_voice_are_needed(self, account, fields):
        check_error(account.speak(**fields), 40001, EITHER_OR)
        check_error(account.speak(path="/with-timestamps", **fields), 40001, EITHER_OR)

    def test_several_speakers(self, account):
        speakers = [{"voice_id": STOCK, "text": TEXT}]
        message = check_error(account.speak(voice_id=..., text=..., speakers=speakers), 40001)
        assert "'speakers'" in message
        assert account.speak(speakers=speakers).status_code == 200

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            *[("stability", value, A_STABILITY) for value in (1.01, -0.1, "abc", "0.5", True, [])],
            *[("speed", value, A_SPEED) for value in (0.69, 1.21, "1.0", "fast")],
            *[("sample_rate", value, A_RATE) for value in (7_999, 48_001, 24_000.5, "24000", -1, 10**30)],
            *[("dialect", value, A_DIALECT) for value in ("najdi", "", "FUSHA", 3)],
            *[("streaming", value, "streaming must be a boolean") for value in ("true", 1)],
            *[("voice_id", value, "voice_id must be a string") for value in (3, ["x"], "a\0b")],
            *[
                ("text", value, "text must be a string of at most 5000 characters")
                for value in (3, "a\0b", "x" * 5_001)
            ],
        ],
    )
    def test_wrong_fields(self, account, field, value, message):
        check_error(account.speak(**{field: value}), 40001, message)
        assert account.spent == 0

    @pytest.mark.parametrize("raw", ["NaN", "Infinity", "1e999"])
    def test_numbers_that_are_none(self, account, raw):
        content = f'{{"voice_id": "{STOCK}", "text": "Hi", "stability": {raw}}}'
        check_error(account.http.post("/text-to-speech/fake", content=content), 40001, A_STABILITY)

    @pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"\xff", b'"x"', b"[" * 100_000, b'{"text":"\\ud800"}'])
    def test_no_json(self, account, raw):
        check_error(account.http.post("/text-to-speech/fake", content=raw), 40001)

    def test_5000_characters(self, server):
        account = Account(server, credits=1_000)
        assert account.speak(text=("Hello there. " * 400)[:5_000], speed=1.2).status_code == 200

    @pytest.mark.parametrize("text", [" ", "\n", "\u0300\u200b", "..."])
    def test_nothing_to_say(self, account, text):
        check_error(account.speak(text=text), 40001)

    def test_letters_that_nobody_reads(self, account):
        check_error(account.speak(text="Բարև ձեզ"), 40001)

    @pytest.mark.parametrize("model", ["nobody", "faseeh-v1", "Faseeh-v1-preview", "x" * 300])
    def test_an_unknown_model(self, account, model):
        check_error(account.speak(model=model), 40001, f"Model not found: {model[:100]}")
        check_error(account.speak(model=model, voice_id="nobody"), 40001)

    def test_an_unknown_voice(self, account):
        check_error(account.speak("nobody"), 40401, "Voice not found")


class TestWallet:
    def test_two_credits_for_each_character_as_sent(self, account):
        text = " Hello,  world! "
        account.speak(text=text)
        assert account.spent == 2 * 50 * len(text)

    @pytest.mark.parametrize(
        ("credits", "text", "message"),
        [
            (20, "x" * 500, "Required: $0.05, Available: $0.02"),
            (0.05, "Hi", "Required: $0.0002, Available: $0.00005"),
            (0, "Hello", "Required: $0.0005, Available: $0.00"),
            (0.001, "Hello", "Required: $0.0005, Available: $0.000001"),
        ],
    )
    def test_what_is_missing_is_said_in_dollars(self, server, credits, text, message):
        poor = Account(server, credits=credits)
        check_error(poor.speak(text=text), 40201, f"Insufficient wallet balance. {message}")
        check_error(poor.speak(text=text, streaming=False), 40201)
        check_error(poor.speak(text=text, path="/with-timestamps"), 40201)
        assert poor.spent == 0

    def test_another_rate(self, make_server: ServerFactory):
        account = Account(make_server(MYNA_MUNSIT_MILLICREDITS_PER_WALLET_CREDIT="7"))
        account.speak(text="Hello")
        assert account.spent == 2 * 7 * 5
        poor = Account(account.server, credits=0.001)
        check_error(
            poor.speak(text="Hi"), 40201, "Insufficient wallet balance. Required: $0.0002, Available: $0.000007"
        )

    def test_a_failure_costs_nothing(self, account):
        for streaming in (True, False):
            check_error(account.speak(text="fake:fail=too_hard", streaming=streaming), 50001, "too hard")
        assert account.spent == 0

    def test_a_failure_in_the_middle(self, account):
        text = "This sentence is spoken well enough. " * 10 + "fake:fail=too_hard And this one is not."
        with pytest.raises(httpx.RemoteProtocolError):
            account.speak(text=text, streaming=True)
        check_error(account.speak(text=text, streaming=False), 50001, "too hard")
        assert account.spent == 0


class TestTimestamps:
    def test_lines_of_sound_and_then_the_times_of_all_characters(self, account):
        text = "One moment, please. " * 8
        answer = account.speak(text=text, path="/with-timestamps", sample_rate=16_000)
        assert answer.headers["content-type"] == "application/x-ndjson"
        *sounds, last = [json.loads(line) for line in answer.text.splitlines()]
        assert {tuple(line) for line in sounds} == {("audio_base64",)}
        samples = b"".join(base64.b64decode(line["audio_base64"]) for line in sounds)
        assert samples == account.speak(text=text, sample_rate=16_000).content
        assert set(last) == {"alignment"}
        alignment = last["alignment"]
        assert list(alignment) == ["characters", "character_start_times_seconds", "character_end_times_seconds"]
        starts, ends = alignment["character_start_times_seconds"], alignment["character_end_times_seconds"]
        assert "".join(alignment["characters"]) == text
        assert len(starts) == len(ends) == len(text)
        assert starts == sorted(starts)
        assert all(start <= end for start, end in zip(starts, ends, strict=True))
        assert ends[-1] <= len(samples) / 2 / 16_000 + 0.01

    def test_arabic_with_numbers_and_pauses(self, account):
        text = 'عندي 25 كتابا. <break time="1s"/> شكرا.'
        *_, last = account.speak(text=text, path="/with-timestamps").text.splitlines()
        alignment = json.loads(last)["alignment"]
        assert "".join(alignment["characters"]) == text
        after = text.index("شكرا")
        before = text.index("<")
        times = alignment["character_start_times_seconds"]
        assert times[after] - times[before] >= 0.95

    def test_it_costs_the_same(self, account):
        account.speak(path="/with-timestamps")
        assert account.spent == len(TEXT) * PER_CHARACTER

    def test_a_failure_in_the_middle_is_no_complete_answer(self, account):
        text = "This sentence is spoken well enough. " * 10 + "fake:fail=too_hard And this one is not."
        with pytest.raises(httpx.RemoteProtocolError):
            account.speak(text=text, path="/with-timestamps")
        assert account.spent == 0


def test_more_streams_at_once_than_allowed(make_server: ServerFactory):
    account = Account(make_server(MYNA_MAX_CONCURRENT_STREAMS="1"), credits=1_000)
    text = "This is the beginning. " * 20 + "fake:slow=30 This sentence takes its time. " * 20
    body = {"voice_id": STOCK, "text": text, "streaming": True}
    with account.http.stream("POST", "/text-to-speech/fake", json=body) as answer:
        pieces = answer.iter_bytes()  # kept: the connection closes with it
        next(pieces)
        refused = account.speak()
        check_error(refused, 42901)
        assert int(refused.headers["retry-after"]) >= 1
