from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from myna.http.metrics import Metrics


def numbers(metrics):
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value for family in families for sample in family.samples
    }


def test_requests_are_counted_by_bounded_labels():
    metrics = Metrics()
    metrics.count_request("openai", "POST", "/v1/audio/speech", 200, 0.2, 1000)
    metrics.count_request("openai", "POST", "/v1/audio/speech", 200, 0.3, 500)
    metrics.count_request("native", "BREW", "unmatched", 405, 0.001, 10)
    found = numbers(metrics)
    speech = (("api", "openai"), ("method", "POST"), ("route", "/v1/audio/speech"), ("status", "200"))
    other = (("api", "native"), ("method", "OTHER"), ("route", "unmatched"), ("status", "405"))
    assert found["myna_http_requests_total", *speech] == 2
    assert found["myna_http_requests_total", *other] == 1
    assert found["myna_http_sent_bytes_total", ("api", "openai")] == 1500
    assert found["myna_http_request_seconds_count", ("api", "openai"), ("route", "/v1/audio/speech")] == 2


def test_a_snapshot_is_replaced():
    metrics = Metrics()
    metrics.snapshot.set("myna_jobs", "Jobs.", ("status",), {("queued",): 2, ("running",): 1})
    metrics.snapshot.set("myna_jobs", "Jobs.", ("status",), {("queued",): 3})
    found = numbers(metrics)
    assert found["myna_jobs", ("status", "queued")] == 3
    assert ("myna_jobs", ("status", "running")) not in found


def test_two_servers_count_for_themselves():
    first, second = Metrics(), Metrics()
    first.in_flight.inc()
    assert numbers(second)["myna_http_requests_in_flight",] == 0
