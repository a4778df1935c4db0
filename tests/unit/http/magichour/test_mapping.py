from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.errors import NotFound
from myna.http.magichour import mapping
from myna.http.magichour.errors import UnprocessableEntity
from myna.http.magichour.mapping import Addresses
from myna.http.magichour.schemas import UploadItem, VoiceClonerBody, VoiceGeneratorBody
from myna.storage.links import LinkSigner
from tests.unit.http.magichour.samples import EXPIRES_AT, job, output

SIGNER = LinkSigner(b"secret")
ADDRESSES = Addresses(SIGNER, "https://voice.example.org", EXPIRES_AT)
NINE = ["id", "name", "status", "type", "created_at", "enabled", "credits_charged", "downloads", "error"]


def body(name=None, prompt="Hello, how are you?"):
    return VoiceGeneratorBody.model_validate({"name": name, "style": {"prompt": prompt, "voice_name": "Joe Rogan"}})


@pytest.mark.parametrize(
    ("characters", "credits"), [(1, 1), (19, 1), (20, 1), (21, 2), (100, 5), (500, 25), (1000, 50)]
)
def test_the_published_prices(characters, credits):
    assert mapping.price("x" * characters, 20) == credits * 1_000


@given(st.text(min_size=1, max_size=1_000), st.integers(1, 100))
def test_price_is_the_rounded_up_quotient_of_code_points(prompt, per_credit):
    assert mapping.price(prompt, per_credit) == (len(prompt) + per_credit - 1) // per_credit * 1_000


def test_an_emoji_is_one_character():
    assert mapping.price("😀" * 20, 20) == 1_000


def test_name_is_kept_or_made():
    moment = datetime(2026, 11, 20, 23, 57, 11, 972_999, tzinfo=UTC)
    assert mapping.project_name(body(name="Mine"), moment) == "Mine"
    assert mapping.project_name(body(name=""), moment) == ""
    assert mapping.project_name(body(), moment) == "Voice Generator - 2026-11-20T23:57:11.972Z"


def test_the_same_request_is_always_spoken_in_the_same_way():
    request = mapping.speech_request(body(), "espeak:en-us")
    assert (request.text, request.voice_id) == ("Hello, how are you?", "espeak:en-us")
    assert (request.format, request.loudness, request.seed, request.temperature) == ("wav", -16.0, 0, 0.0)


def test_each_file_has_its_own_name():
    first, second = (mapping.speech_details(body(), job_id)["output"] for job_id in ("c" * 25, "d" * 25))
    assert first["file_name"] == f"{'c' * 25}.wav"
    assert first["id"] != second["id"]
    assert first == mapping.speech_details(body(), "c" * 25)["output"]
    assert first["settings"] == {"voice_name": "Joe Rogan"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("queued", "queued"),
        ("running", "rendering"),
        ("succeeded", "complete"),
        ("failed", "error"),
        ("canceled", "canceled"),
    ],
)
def test_nine_fields_in_every_state(ours, theirs):
    project = mapping.audio_project(job(status=ours), [output()], ADDRESSES)
    assert list(project.model_dump()) == NINE
    assert project.status == theirs
    assert project.type == "VOICE_GENERATOR"
    assert project.created_at == "2026-11-20T23:57:11.027Z"
    assert bool(project.downloads) == (ours == "succeeded")
    assert (project.error is not None) == (ours == "failed")


def test_download_links_are_signed_and_end_in_the_file_name():
    (download,) = mapping.audio_project(job(status="succeeded"), [output()], ADDRESSES).downloads
    assert download.expires_at == "2026-11-21T23:57:11.027Z"
    match = re.fullmatch(r"https://voice\.example\.org/files/([^/]+)/(c[0-9a-z]{24}\.wav)", download.url)
    assert match
    assert match[2] == output().file_name


def test_a_deleted_project_has_no_downloads_and_is_not_enabled():
    deleted = replace(job(status="succeeded"), deleted_at=EXPIRES_AT)
    project = mapping.audio_project(deleted, [output()], ADDRESSES)
    assert (project.enabled, project.downloads, project.status) == (False, [], "complete")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("text_too_long", "text_too_long"),
        ("voice_not_found", "invalid_voice"),
        ("insufficient_credits", "insufficient_credits"),
        ("engine_timeout", "processing_timeout"),
        ("invalid_request", "invalid_parameters"),
        ("unsupported", "invalid_parameters"),
        ("unsupported_media", "invalid_file_format"),
        ("engine_crashed", "unknown_error"),
        ("internal_error", "unknown_error"),
        (None, "unknown_error"),
    ],
)
def test_why_a_job_failed_in_published_codes(ours, theirs):
    failed = replace(job(status="failed"), error_code=ours, error_message="It broke.", charged=0)
    project = mapping.audio_project(failed, [], ADDRESSES)
    assert project.error is not None
    assert (project.error.code, project.error.message, project.credits_charged) == (theirs, "It broke.", 0)


def test_a_failure_without_words_gets_some():
    failed = replace(job(status="failed"), error_message=None)
    project = mapping.audio_project(failed, [], ADDRESSES)
    assert project.error is not None
    assert project.error.message == "Unable to generate speech"


def test_credits_are_whole_and_net():
    assert mapping.created(job(charged=2_000)).model_dump() == {"id": job().id, "credits_charged": 2}
    assert mapping.created(job(charged=0)).credits_charged == 0
    assert mapping.audio_project(job(charged=1_500), [], ADDRESSES).credits_charged == 2


def test_the_alias_adds_two_fields():
    image = mapping.image_project(mapping.audio_project(job(), [], ADDRESSES))
    assert list(image.model_dump()) == [*NINE, "image_count", "total_frame_cost"]
    assert (image.image_count, image.total_frame_cost) == (1, 0)


def test_account():
    assert mapping.account_details("abc", 12_999).model_dump() == {
        "id": "abc",
        "email": None,
        "tier": "business",
        "credits": 12,
        "subscription": None,
    }


@pytest.mark.parametrize(
    ("kind", "extensions"),
    [
        ("audio", "mp3 wav aac flac webm weba m4a opus ogg oga aiff amr mpeg"),
        ("video", "mp4 m4v mov webm"),
        ("image", "png jpg jpeg jfif heic heif webp avif jp2 tiff tif bmp gif"),
    ],
)
def test_uploads_that_are_taken(kind, extensions):
    for extension in extensions.split():
        path = mapping.new_file_path(UploadItem(type=kind, extension=extension))
        assert re.fullmatch(rf"api-assets/c[0-9a-z]{{24}}/{kind}\.{extension}", path)
        assert mapping.upload_key("account", path) == f"uploads/account/{path.split('/')[1]}.{extension}"


def test_the_exact_message_for_a_wrong_extension():
    with pytest.raises(UnprocessableEntity) as caught:
        mapping.new_file_path(UploadItem(type="audio", extension="mp4"))
    assert caught.value.message == (
        "'mp4' is an invalid audio extension. Possible extensions are "
        "'mp3, wav, aac, flac, webm, weba, m4a, opus, ogg, oga, aiff, amr'"
    )


@pytest.mark.parametrize(
    ("kind", "extension"), [("video", "mp3"), ("image", "wav"), ("video", "mpeg"), ("audio", "gif")]
)
def test_an_extension_of_another_type(kind, extension):
    with pytest.raises(UnprocessableEntity, match=f"'{extension}' is an invalid {kind} extension"):
        mapping.new_file_path(UploadItem(type=kind, extension=extension))


def test_a_path_leads_only_into_the_folder_of_its_account():
    path = mapping.new_file_path(UploadItem(type="audio", extension="wav"))
    assert mapping.upload_key("first", path) != mapping.upload_key("second", path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "api-assets/",
        "api-assets/../../outputs/x/audio.wav",
        f"api-assets/c{'a' * 24}/../audio.wav",
        f"api-assets/c{'a' * 24}/audio.wav/..",
        f"api-assets/c{'a' * 24}/audio.wav\n",
        f"api-assets/c{'a' * 24}/other.wav",
        f"/api-assets/c{'a' * 24}/audio.wav",
        f"https://example.org/api-assets/c{'a' * 24}/audio.wav",
    ],
)
def test_what_is_no_path_of_an_upload(path):
    with pytest.raises(NotFound):
        mapping.upload_key("account", path)


@pytest.mark.parametrize(
    "text", ["", "c", "C" + "a" * 24, "c" + "a" * 25, "c" + "a" * 23 + "\n", "c" + "a" * 23 + "\0"]
)
def test_what_is_no_project_id(text):
    assert not mapping.is_project_id(text)


def test_upload_links():
    path = mapping.new_file_path(UploadItem(type="audio", extension="mp3"))
    upload = ADDRESSES.upload("account", path)
    assert upload.file_path == path
    assert upload.expires_at == "2026-11-21T23:57:11.027Z"
    token, file_name = upload.upload_url.removeprefix("https://voice.example.org/uploads/").split("/")
    assert file_name == "audio.mp3"
    assert token


def clone_body(path="api-assets/x/audio.wav", name=None):
    body = {"name": name, "assets": {"audio_file_path": path}, "style": {"prompt": "Hello"}}
    return VoiceClonerBody.model_validate(body)


def test_a_clone_is_called_so():
    moment = datetime(2026, 11, 20, 23, 57, 11, 972_999, tzinfo=UTC)
    assert mapping.project_name(clone_body(), moment) == "Voice Cloner - 2026-11-20T23:57:11.972Z"
    assert mapping.project_name(clone_body(name="Mine"), moment) == "Mine"
    cloned = replace(job(status="failed"), details={"reference": {"url": "x"}}, error_message=None)
    project = mapping.audio_project(cloned, [], ADDRESSES)
    assert project.error is not None
    assert (project.type, project.error.message) == ("VOICE_CLONER", "Unable to clone voice")


def test_an_output_does_not_show_the_signature_of_an_address():
    body = clone_body("https://example.org/a.wav?signature=secret")
    details = mapping.clone_details(body, "c" * 25, {"url": body.assets.audio_file_path})
    assert details["reference"] == {"url": "https://example.org/a.wav?signature=secret"}
    assert details["output"]["settings"] == {"audio_file_path": "https://example.org/a.wav"}
    assert details["output"]["file_name"] == f"{'c' * 25}.wav"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("address_refused", "invalid_parameters"),
        ("not_found", "invalid_parameters"),
        ("reference_refused", "invalid_parameters"),
        ("body_too_large", "file_too_large"),
        ("voice_blocked", "content_policy_violation"),
    ],
)
def test_why_a_clone_failed_in_published_codes(ours, theirs):
    failed = replace(job(status="failed"), error_code=ours, error_message="It broke.")
    project = mapping.audio_project(failed, [], ADDRESSES)
    assert project.error is not None
    assert project.error.code == theirs
