"""What speech costs here, and how it is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from starlette.requests import HTTPConnection
from starlette.responses import Response

from myna.accounts.schemas import Caller
from myna.errors import InsufficientCredits
from myna.http.idempotency import work_begins
from myna.http.munsit import mapping
from myna.http.munsit.errors import wallet_too_low
from myna.http.munsit.forms import wav_file
from myna.http.streaming import SpeechResponse, WholeSpeechResponse
from myna.kit.finishing import to_the_end
from myna.speech.schemas import SpeechRequest
from myna.speech.stream import SpeechStream
from myna.voices.schemas import Voice

if TYPE_CHECKING:
    from myna.http.services import Services


async def open_stream(
    request: HTTPConnection, services: Services, caller: Caller, speech: SpeechRequest, voice: Voice
) -> SpeechStream:
    """Speak, and charge two credits of the wallet for each character as it was sent. Raises `WalletTooLow` and all
    that the speech service raises."""
    rate = services.settings.munsit_millicredits_per_wallet_credit
    work_begins(request)
    try:
        return await services.speech.stream(
            caller,
            speech,
            api=mapping.API,
            price_per_character=mapping.price_per_character(rate),
            base_url=services.base_url(request),
            voice=voice,
        )
    except InsufficientCredits as error:
        raise wallet_too_low(error, rate) from None


async def check_balance(services: Services, caller: Caller, characters: int) -> None:
    """Raises `InsufficientCredits` before any work is done in vain. The price itself is held later."""
    settings = services.settings
    needed = characters * mapping.price_per_character(settings.munsit_millicredits_per_wallet_credit)
    if settings.prices == "on" and await services.credits.balance(caller.account.id) < needed:
        raise InsufficientCredits


def raw_response(stream: SpeechStream, pieces: AsyncIterator[bytes], sample_rate: int) -> Response:
    """Samples without a header, as they are made."""
    headers = {
        "content-type": mapping.content_type(sample_rate),
        "cache-control": "no-cache",
        "connection": "keep-alive",
    }
    return SpeechResponse(stream, pieces, headers)


def wav_response(stream: SpeechStream, sample_rate: int) -> Response:
    """A whole WAV file."""
    headers = {"content-type": "audio/wav", "cache-control": "no-cache"}
    return WholeSpeechResponse(stream, aiter(stream), headers, lambda samples: wav_file(samples, sample_rate))


async def remembered(stream: SpeechStream, keep: Callable[[bytes], Coroutine[Any, Any, None]]) -> AsyncIterator[bytes]:
    """The sound as it comes; `keep` gets all of it when it was sent to its end."""
    heard = bytearray()
    async for piece in stream:
        heard += piece
        yield piece
    await to_the_end(keep(bytes(heard)))
