"""Numbers for Prometheus. Every label has a bounded set of values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180)


Values = Mapping[Any, float]
"""By the values of the labels: tuples of texts."""


class Metrics:
    """The numbers of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "myna_http_requests",
            "Answered requests. Status 0: the client went before the answer began.",
            ("api", "method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "myna_http_request_seconds",
            "Time from the request's head to the end of the answer.",
            ("api", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._bytes = Counter("myna_http_sent_bytes", "Bytes of answers.", ("api",), registry=self.registry)
        self.in_flight = Gauge("myna_http_requests_in_flight", "Requests being answered.", registry=self.registry)
        self.snapshot = Snapshot()
        self.registry.register(self.snapshot)
        PlatformCollector(registry=self.registry)
        ProcessCollector(registry=self.registry)

    def count_request(self, api: str, method: str, route: str, status: int, seconds: float, sent: int) -> None:
        self._requests.labels(api, method if method in _METHODS else "OTHER", route, status).inc()
        self._seconds.labels(api, route).observe(seconds)
        self._bytes.labels(api).inc(sent)

    def render(self) -> bytes:
        """All numbers in the text format of Prometheus."""
        return generate_latest(self.registry)


class Snapshot(Collector):
    """Numbers that are looked up when they are asked for, such as jobs by status."""

    def __init__(self) -> None:
        self._families: dict[str, Metric] = {}

    def set(self, name: str, documentation: str, labels: Sequence[str], values: Values) -> None:
        """Replace all values of one gauge; `values` is by the values of the labels."""
        family = GaugeMetricFamily(name, documentation, labels=labels)
        for key, value in values.items():
            family.add_metric(key, value)
        self._families[name] = family

    def drop(self, *names: str) -> None:
        """Tell nothing rather than old values."""
        for name in names:
            self._families.pop(name, None)

    def collect(self) -> Iterable[Metric]:
        return list(self._families.values())
