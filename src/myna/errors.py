"""Every error that Myna reports: a stable code, an HTTP status, and a message that says what, why and what next.

A façade translates these into its vendor's body; nothing else in Myna invents an error shape.
"""

from __future__ import annotations

from typing import Any, ClassVar


class MynaError(Exception):
    """Something went wrong inside Myna. The log entry with this request id has the details."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None, **details: Any) -> None:
        self.message = message or (type(self).__doc__ or self.code).strip().splitlines()[0]
        self.details = details
        super().__init__(self.message)


class InvalidRequest(MynaError):
    """The request is not valid."""

    code = "invalid_request"
    status = 400

    def __init__(self, message: str | None = None, *, field: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.field = field


class Unauthorized(MynaError):
    """The API key is missing, wrong or revoked. Make one with `myna keys create NAME`."""

    code = "unauthorized"
    status = 401


class Forbidden(MynaError):
    """This key may not do that."""

    code = "forbidden"
    status = 403


class AccountBanned(Forbidden):
    """This account is blocked. Ask the operator of this server."""

    code = "account_banned"


class InsufficientCredits(MynaError):
    """The balance does not cover the price. Ask the operator for credits: `myna credits grant`."""

    code = "insufficient_credits"
    status = 402


class NotFound(MynaError):
    """There is no such thing, or it belongs to somebody else."""

    code = "not_found"
    status = 404


class MethodNotAllowed(MynaError):
    """This path does not take this method."""

    code = "method_not_allowed"
    status = 405


class VoiceNotFound(NotFound):
    """There is no such voice. `myna voices list` shows what there is."""

    code = "voice_not_found"


class RequestTimeout(MynaError):
    """The body did not arrive in time."""

    code = "request_timeout"
    status = 408
    retryable = True


class Conflict(MynaError):
    """The thing is not in a state that allows this."""

    code = "conflict"
    status = 409


class RequestInProgress(Conflict):
    """A request with this Idempotency-Key is still running. Ask again in a moment."""

    code = "request_in_progress"
    retryable = True


class IdempotencyMismatch(MynaError):
    """This Idempotency-Key was used for another body. Use a new key for a new request."""

    code = "idempotency_mismatch"
    status = 422


class BodyTooLarge(MynaError):
    """The body is larger than this server accepts. GET /myna/v1/limits lists the limits."""

    code = "body_too_large"
    status = 413


class TextTooLong(InvalidRequest):
    """The text is longer than this endpoint accepts."""

    code = "text_too_long"


class AddressRefused(InvalidRequest):
    """This address is not a public one. The operator of this server can allow it: MYNA_FETCH_ALLOW."""

    code = "address_refused"


class Unsupported(InvalidRequest):
    """The chosen engine cannot do this. `myna engines` shows what each engine can do."""

    code = "unsupported"


class VoiceOfOtherEngine(Unsupported):
    """This voice is spoken by another engine than the one that was named."""


class EngineNotFound(Unsupported):
    """There is no such engine or model here, or it cannot do that. `myna engines` shows what there is."""

    code = "engine_not_found"
    status = 404


class UnsupportedMedia(MynaError):
    """This file is not audio or video that Myna reads. Send WAV, MP3, FLAC, Ogg, M4A or WebM."""

    code = "unsupported_media"
    status = 422


class ReferenceRefused(InvalidRequest):
    """No voice can be made from this recording."""

    code = "reference_refused"


class ConsentRequired(Forbidden):
    """This server asks for a consent recording of the speaker. Send one first and name it: `consent_id`."""

    code = "consent_required"


class VoiceBlocked(Forbidden):
    """The operator of this server has blocked this voice."""

    code = "voice_blocked"


class TooManyVoices(Conflict):
    """This account has as many voices as it may have. Delete one first."""

    code = "too_many_voices"


class RateLimited(MynaError):
    """Too many requests. Wait for the time in Retry-After."""

    code = "rate_limited"
    status = 429
    retryable = True

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class QueueFull(RateLimited):
    """This account has too much work waiting. Wait until some of it is done."""

    code = "queue_full"


class Unavailable(MynaError):
    """A part that this needs is not available just now. Try again in a moment."""

    code = "unavailable"
    status = 503
    retryable = True

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class StorageFull(Unavailable):
    """The storage has no room left. Free some space; accepted work is not lost."""

    code = "insufficient_storage"


class EngineUnavailable(Unavailable):
    """This engine is not installed or not ready. `myna doctor` says what is missing."""

    code = "engine_unavailable"


class EngineFailed(MynaError):
    """The engine could not make this sound."""

    code = "engine_failed"


class EngineCrashed(EngineFailed):
    """The engine's process ended in the middle of the work. It was replaced; the work is tried again."""

    code = "engine_crashed"
    retryable = True


class EngineKilled(EngineCrashed):
    """The engine's process was killed in the middle of the work, as systems do that run out of memory. It was
    replaced; the work is tried again."""

    code = "engine_killed"


class EngineTimeout(EngineFailed):
    """The engine did not answer in time. Its process was replaced."""

    code = "engine_timeout"
    retryable = True


class BadAudio(EngineFailed):
    """The engine returned sound that cannot be used (empty, not a number, or at a wrong rate)."""

    code = "bad_audio"
    retryable = True


class BrokenResult(MynaError):
    """The finished file is not what it should be. Try again."""

    code = "broken_result"
    retryable = True


class Canceled(MynaError):
    """The work was canceled."""

    code = "canceled"
    status = 409


class StartupError(MynaError):
    """Myna cannot start with these settings."""

    code = "startup_error"
