"""Which pictures a file holds: a digest of their packets, for comparing a result with its source."""

from __future__ import annotations

import hashlib
from typing import Any

from myna.errors import UnsupportedMedia
from myna.media.inside.files import opened, pictures_of, time_zero


def digest(details: dict[str, Any]) -> dict[str, Any]:
    """What `PacketDigest` takes. Raises `UnsupportedMedia` when there are no pictures."""
    with opened(details["source"]) as container:
        track = pictures_of(container)
        if track is None:
            raise UnsupportedMedia("There is no picture in this file.", reason="picture")
        begins = time_zero(details["source"])
        contents = hashlib.sha256()
        times: list[float] = []
        packets = 0
        for packet in container.demux(track):
            if not packet.size:
                continue
            contents.update(packet.size.to_bytes(4, "big"))
            contents.update(memoryview(packet))
            packets += 1
            if packet.pts is not None:
                at = float(packet.pts * packet.time_base - begins)
                times = [min(times[0], at), max(times[1], at)] if times else [at, at]
    first, last = times or (0.0, 0.0)
    return {"hash": contents.hexdigest(), "packets": packets, "first": first, "last": last}
