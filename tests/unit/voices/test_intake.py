from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.resample import resample
from myna.audio.speaker import similarity
from myna.engines.base import Samples
from myna.errors import ReferenceRefused
from myna.voices.intake import LONGEST_REFERENCE, Intake, examine
from tests.fixtures.speech import ESPEAK_RATE, SENTENCES, Speak, with_noise

RATE = ESPEAK_RATE
ENGLISH = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It is easy to tell."
OTHER = "A large size in stockings is hard to sell. The boy was there when the sun rose. Kick the ball straight."


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.float32)


def white(count: int) -> Samples:
    return np.random.default_rng(7).standard_normal(count).astype(np.float32)


def warnings_of(intake: Intake) -> set[str]:
    return {finding.code for finding in intake.report.warnings}


def refusals_of(intake: Intake) -> set[str]:
    return {finding.code for finding in intake.report.refusals}


@pytest.mark.parametrize("voice", ["en-us", "en-us+f3", "en-us+klatt", "es", "de", "ja"])
def test_clean_speech_is_accepted_as_it_is(espeak: Speak, voice: str):
    speech = espeak(f"{SENTENCES} {ENGLISH}", voice)
    intake = examine(speech, RATE)
    report = intake.report
    assert refusals_of(intake) == set()
    assert not warnings_of(intake) - {"short"}
    assert not report.denoised
    assert report.duration == len(speech) / RATE
    assert 0.8 * report.duration < report.speech_seconds <= report.duration
    start, end = report.suggested_trim
    np.testing.assert_allclose(intake.reference, speech[round(start * RATE) : round(end * RATE)], atol=1e-3)
    assert intake.sample_rate == RATE
    assert report.loudness_lufs == pytest.approx(-22, abs=8)


def test_silence_around_the_speech_is_cut_off(espeak: Speak):
    intake = examine(np.concatenate([silence(2), espeak(ENGLISH, "en-us"), silence(3)]), RATE)
    start, end = intake.report.suggested_trim
    assert 1.5 < start < 2.3
    assert intake.report.duration - 3.5 < end < intake.report.duration - 2.5
    assert len(intake.reference) == pytest.approx((end - start) * RATE, abs=2)


def test_three_seconds_are_enough_with_a_warning(espeak: Speak):
    intake = examine(espeak("The birch canoe slid on the smooth planks, and it is easy to tell.", "en-us"), RATE)
    assert refusals_of(intake) == set()
    assert "short" in warnings_of(intake)


@pytest.mark.parametrize(
    ("code", "sound"),
    [
        ("too_short", silence(1)),
        ("too_short", silence(0)),
        ("no_speech", silence(5)),
        ("no_speech", 0.1 * white(5 * RATE)),
        ("no_speech", np.sin(np.arange(5 * RATE) / 20).astype(np.float32)),
    ],
)
def test_what_is_no_speech_is_refused_with_a_remedy(code: str, sound: Samples):
    intake = examine(sound, RATE)
    assert refusals_of(intake) == {code}
    assert len(intake.reference) == 0
    assert not intake.embedding.any()
    with pytest.raises(ReferenceRefused, match="Send 10 to 30 s") as refused:
        intake.report.refuse()
    assert refused.value.details["report"] == intake.report.as_json()


def test_a_word_in_a_long_silence_is_too_little(espeak: Speak):
    intake = examine(np.concatenate([silence(2), espeak("Hello there.", "en-us"), silence(3)]), RATE)
    assert refusals_of(intake) == {"too_little_speech"}


def test_the_limits_are_those_of_the_caller(espeak: Speak):
    speech = espeak(ENGLISH, "en-us")
    assert refusals_of(examine(speech, RATE, minimum_seconds=60)) == {"too_short"}
    intake = examine(speech, RATE, minimum_seconds=1, maximum_seconds=4)
    assert refusals_of(intake) == {"too_long"}
    assert intake.report.duration == len(speech) / RATE
    assert intake.report.suggested_trim[1] <= 4


def test_noise_is_taken_out_where_that_helps_and_refused_where_nothing_does(espeak: Speak):
    speech = np.concatenate([silence(0.7), espeak(f"{SENTENCES} {ENGLISH}", "en-us"), silence(0.7)])
    clean, noisy, hopeless = (
        examine(with_noise(speech, white(len(speech)), decibels), RATE) for decibels in (45, 12, -3)
    )
    assert not clean.report.denoised
    assert noisy.report.denoised
    assert "noisy" in warnings_of(noisy)
    assert refusals_of(noisy) == set()
    assert similarity(noisy.embedding, clean.embedding) > 0.75
    assert refusals_of(hopeless) & {"too_noisy", "no_speech", "too_little_speech"}


def test_clipping_is_warned_of_and_refused(espeak: Speak):
    speech = espeak(ENGLISH, "en-us")
    speech = speech / np.abs(speech).max()
    assert "clipped" in warnings_of(examine(np.clip(speech * 3, -1, 1), RATE))
    assert "too_clipped" in refusals_of(examine(np.clip(speech * 40, -1, 1), RATE))


def test_the_part_that_is_not_clipped_is_chosen(espeak: Speak):
    speech = espeak(f"{SENTENCES} {ENGLISH}", "en-us")
    speech = 0.9 * speech / np.abs(speech).max()
    bad = np.clip(speech * 10, -1, 1)
    sound = np.concatenate([bad, silence(1), bad, silence(1), speech, silence(1), speech])
    intake = examine(sound.astype(np.float32), RATE)
    assert intake.report.duration > LONGEST_REFERENCE
    assert intake.report.suggested_trim[1] - intake.report.suggested_trim[0] <= LONGEST_REFERENCE + 1e-6
    assert intake.report.suggested_trim[0] > 2 * len(bad) / RATE
    assert intake.report.clipping < 0.002


def test_quiet_speech_is_warned_of_and_hardly_audible_speech_refused(espeak: Speak):
    speech = espeak(ENGLISH, "en-us")
    assert "quiet" in warnings_of(examine(speech * np.float32(0.04), RATE))
    assert refusals_of(examine(speech * np.float32(0.004), RATE)) & {"too_quiet", "no_speech"}


def test_a_telephone_is_warned_of(espeak: Speak):
    narrow = resample(espeak(ENGLISH, "en-us"), RATE, 8_000)
    assert "narrow_band" in warnings_of(examine(narrow, 8_000))
    assert "narrow_band" in warnings_of(examine(resample(narrow, 8_000, 48_000), 48_000))


def test_a_second_speaker_is_suspected(espeak: Speak):
    one, other = espeak(f"{SENTENCES} {ENGLISH}", "en-us+klatt4"), espeak(OTHER, "en-us+linda")
    both = examine(np.concatenate([one, other]), RATE)
    assert both.report.second_speaker
    assert "second_speaker" in warnings_of(both)
    assert refusals_of(both) == set()
    alone = examine(np.concatenate([one, espeak(OTHER, "en-us+klatt4")]), RATE)
    assert not alone.report.second_speaker
    assert alone.report.speaker_consistency > both.report.speaker_consistency


def test_a_text_is_used_when_it_is_what_is_said(espeak: Speak):
    speech = espeak(ENGLISH, "en-us")
    right, wrong = (examine(speech, RATE, transcript=text, language="en-US") for text in (ENGLISH, OTHER))
    assert right.transcript == ENGLISH
    assert right.report.transcript_match > 0.7
    assert wrong.transcript is None
    assert warnings_of(wrong) >= {"transcript_differs"}
    assert refusals_of(wrong) == set()
    assert examine(speech, RATE).transcript is None


def test_a_text_in_another_language_is_believed(espeak: Speak):
    said = "El perro corre por la calle mientras los niños juegan con una pelota roja."
    intake = examine(espeak(said, "es"), RATE, transcript=said, language="es")
    assert intake.transcript == said
    assert intake.report.transcript_match is None


def test_of_a_long_recording_the_text_is_cut_with_the_sound(espeak: Speak):
    sentences = [f"{sentence.strip()}." for sentence in f"{ENGLISH} {SENTENCES} {OTHER}".split(".")[:-1]]
    pieces = [part for sentence in sentences for part in (espeak(sentence, "en-us"), silence(2))]
    text = " ".join(sentences)
    intake = examine(np.concatenate(pieces), RATE, transcript=text, language="en")
    assert intake.report.duration > LONGEST_REFERENCE
    assert intake.transcript is not None
    assert intake.transcript in text
    assert len(intake.transcript) < len(text)
    spanish = examine(np.concatenate(pieces), RATE, transcript=text, language="es")
    assert spanish.transcript is None


def test_damaged_samples_do_no_harm(espeak: Speak):
    speech = espeak(ENGLISH, "en-us")
    damaged = speech.copy()
    damaged[1_000:1_010] = np.nan
    damaged[5_000] = np.inf
    intake = examine(damaged + np.float32(0.05), RATE)
    assert refusals_of(intake) == set()
    assert np.isfinite(intake.reference).all()
    assert np.abs(examine(speech * np.float32(1e20), RATE).reference).max() <= 1


@settings(deadline=None, max_examples=25)
@given(
    count=st.integers(0, 6_000),
    rate=st.sampled_from([4_000, 8_000, 44_100, 48_000]),
    scale=st.sampled_from([0.0, 1e-6, 0.3, 1e4]),
    seed=st.integers(0, 99),
)
def test_any_sound_gets_a_report_in_json(count: int, rate: int, scale: float, seed: int):
    sound = (scale * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)
    intake = examine(sound, rate, transcript="any text", minimum_seconds=0.01)
    assert json.loads(json.dumps(intake.report.as_json(), allow_nan=False))["duration"] == round(count / rate, 4)
    assert intake.report.refusals
    assert all(finding.remedy and finding.message for finding in intake.report.refusals + intake.report.warnings)
