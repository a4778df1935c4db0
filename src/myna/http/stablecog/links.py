"""Where a client downloads an audio file: public addresses, as at Stablecog, that nobody can guess."""

from __future__ import annotations

from starlette.requests import Request

from myna.http.services import Services
from myna.http.stablecog.mapping import LinkTo
from myna.kit import clock
from myna.outputs.schemas import Output


def link_maker(services: Services, request: Request) -> LinkTo:
    """Makes links for the answer to one request. They work for ever, unless the settings say otherwise."""
    base_url, settings = services.base_url(request), services.settings
    expires_at = clock.now() + clock.seconds(settings.link_seconds) if settings.stablecog_links_expire else None

    def link_to(output: Output) -> str:
        return services.links.download(base_url, output.object_key, output.file_name, expires_at)

    return link_to
