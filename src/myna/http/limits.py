"""Request rates, counted in this process: sliding windows per key and per address."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import Storage
from limits.storage.base import SlidingWindowCounterSupport
from limits.strategies import SlidingWindowCounterRateLimiter

from myna.errors import RateLimited
from myna.http.context import RequestContext
from myna.settings import Settings

OPENAI_LONGEST_INPUT = 4096
"""Characters of one text, as at OpenAI; published with the limits of this server."""
_SWEEP_SECONDS = 30.0
_KNOWN_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Policy:
    """How many requests are allowed in how many seconds."""

    name: str
    quota: int
    window: int
    """Seconds."""

    def item(self) -> RateLimitItem:
        return RateLimitItemPerSecond(self.quota, self.window, namespace=self.name)


class RequestLimiter:
    """Counts what clients do, and refuses what is too much. Nothing is refused when `rate_limits` is off."""

    def __init__(self, settings: Settings) -> None:
        self.enabled = settings.rate_limits == "on"
        self.requests = Policy("requests", settings.requests_per_minute, 60)
        """Per key."""
        self.wrong_keys = Policy("wrong-keys", settings.wrong_keys_per_minute, 60)
        """Per address."""
        self._windows = SlidingWindowCounterRateLimiter(WindowCounts())
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def allow(self, policy: Policy, who: str) -> tuple[bool, int, float]:
        """Count one request of `who`: is it allowed, how many are left, and in how many seconds there are more."""
        item = policy.item()
        allowed = not self.enabled or self._windows.hit(item, who)
        stats = self._windows.get_window_stats(item, who)
        return allowed, stats.remaining, max(0.0, stats.reset_time - time.time())

    def count_request(self, context: RequestContext, key_id: str) -> None:
        """One request with a valid key. Tells the client in RateLimit fields; raises `RateLimited`."""
        if not self.enabled:
            return
        policy = self.requests
        allowed, remaining, wait = self.allow(policy, key_id)
        seconds = max(1, math.ceil(wait))
        context.add_header("RateLimit-Policy", f'"{policy.name}";q={policy.quota};w={policy.window}')
        context.add_header("RateLimit", f'"{policy.name}";r={remaining if allowed else 0};t={seconds}')
        if not allowed:
            raise RateLimited(
                f"This key may send {policy.quota} requests in {policy.window} seconds.",
                retry_after=seconds,
                policy=policy.name,
            )

    def refuse_guessing(self, address: str, digest: bytes) -> None:
        """Raises `RateLimited` after too many wrong keys from an address, except for keys that were right before.

        What is refused here is not counted, so a key that is right works again when the window has passed, at the
        latest.
        """
        if not self.enabled or digest in self._known:
            return
        item = self.wrong_keys.item()
        if not self._windows.test(item, network_of(address)):
            wait = self._windows.get_window_stats(item, network_of(address)).reset_time - time.time()
            raise RateLimited(
                "Too many wrong API keys came from this address.", retry_after=max(1.0, wait), policy=item.namespace
            )

    def count_wrong_key(self, address: str, digest: bytes) -> None:
        self._known.pop(digest, None)
        if self.enabled:
            self._windows.hit(self.wrong_keys.item(), network_of(address))

    def remember_key(self, digest: bytes) -> None:
        """A key that was right goes on working while its address is refused for others. Keeps SHA-256 hashes only."""
        self._known[digest] = None
        self._known.move_to_end(digest)
        if len(self._known) > _KNOWN_KEYS:
            self._known.popitem(last=False)


def network_of(address: str) -> str:
    """What one client can choose addresses from: the address itself for IPv4, its /64 for IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))


class WindowCounts(Storage, SlidingWindowCounterSupport):
    """Counters in a dict, swept every half minute.

    The library's own memory storage starts a thread or task that looks at every counter on every request.
    """

    STORAGE_SCHEME = None

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        self._swept_at = time.time()
        super().__init__()

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = time.time()
        if now - self._swept_at > _SWEEP_SECONDS:
            self._swept_at = now
            self._counts = {name: entry for name, entry in self._counts.items() if entry[1] > now}
        count, expires_at = self._counts.get(key, (0, 0.0))
        if expires_at <= now:
            count, expires_at = 0, now + expiry
        self._counts[key] = (count + amount, expires_at)
        return count + amount

    def get(self, key: str) -> int:
        count, expires_at = self._counts.get(key, (0, 0.0))
        return count if expires_at > time.time() else 0

    def get_expiry(self, key: str) -> float:
        return self._counts.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        number = len(self._counts)
        self._counts.clear()
        return number

    def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        previous, previous_left, current, _ = self.get_sliding_window(key, expiry)
        if math.floor(previous * previous_left / expiry + current) + amount > limit:
            return False
        self.incr(self._keys(key, expiry)[1], 2 * expiry, amount)
        return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        now = time.time()
        previous_key, current_key = self._keys(key, expiry)
        previous = self.get(previous_key)
        previous_left = (1 - (now / expiry) % 1) * expiry if previous else 0.0
        return previous, previous_left, self.get(current_key), (1 - (now / expiry) % 1) * expiry + expiry

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        for name in self._keys(key, expiry):
            self.clear(name)

    def _keys(self, key: str, expiry: int) -> tuple[str, str]:
        window = int(time.time() // expiry)
        return f"{key}/{window - 1}", f"{key}/{window}"
