"""What is sent to the `webhook` of a request when its work ends. The vendor signs nothing, and so it is here."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from myna.http.modelslab import mapping
from myna.jobs.schemas import Job
from myna.kit import clock
from myna.outputs.service import OutputService
from myna.settings import Settings
from myna.storage.links import LinkSigner
from myna.webhooks.schemas import Endpoint, Event


class ModelsLabRenderer:
    """Makes the body of one attempt, with fresh links."""

    def __init__(self, settings: Settings, outputs: OutputService, links: LinkSigner) -> None:
        self._link_life = timedelta(seconds=settings.link_seconds)
        self._outputs = outputs
        self._links = links

    async def __call__(self, event: Event, job: Job, endpoint: Endpoint, secret: str) -> tuple[bytes, dict[str, str]]:
        """The body and its headers."""
        addresses = mapping.Addresses(self._links, job.base_url, "", clock.now() + self._link_life)
        links = mapping.output_links(await self._outputs.of_job(job.id), addresses)
        return json.dumps(_body(job, links)).encode(), {"Content-Type": "application/json"}


def _body(job: Job, links: list[str]) -> dict[str, Any]:
    number, track_id = job.details["number"], job.details.get("track_id")
    if job.status != "succeeded":
        return {"status": "failed", "id": number, "message": mapping.why_failed(job), "track_id": track_id}
    return {
        "status": "success",
        "id": number,
        "output": links,
        "generationTime": mapping.generation_time(job),
        "track_id": track_id,
        "meta": job.details.get("meta", {}),
    }
