"""Prices of dubs, of changed lines, and of lines that could not be spoken."""

from __future__ import annotations

from dataclasses import replace

from myna.dubbing.pricing import charge_for, first_price, price_of, quote
from myna.dubbing.schemas import DubbedLine, DubFile, DubRequest, DubTarget
from tests.fixtures.dubs import example_dub

FILE = DubFile("key", "film.es.mp4", "video/mp4", 1)


def line(number: int, **values: object) -> DubbedLine:
    start = 4.0 * number
    made = DubbedLine(number, "speaker-1", "v", "s", "t", start, start + 2.5, start, start + 2)
    return replace(made, **values)  # type: ignore[arg-type]


def finished(*lines: DubbedLine) -> DubTarget:
    return DubTarget("es", lines, {"result": FILE}, "output")


def test_prices_are_rounded_up_to_whole_millicredits() -> None:
    assert [price_of(seconds, 250) for seconds in (0, 1, 1.0001, 10.4)] == [0, 250, 251, 2_600]


def test_each_language_costs_as_much() -> None:
    assert first_price(10, DubRequest(("es", "fr")), 250) == 5_000


def test_a_quote_counts_the_changed_and_the_failed_lines() -> None:
    target = finished(line(1), line(2, edited=True), line(3, fit="failed"))
    asked = quote(replace(example_dub(60.0), targets=(target,)), 100, 60.0)
    assert (asked.price, asked.seconds, asked.lines) == (500, 5.0, {"es": (2, 3)})


def test_nothing_changed_costs_nothing() -> None:
    asked = quote(replace(example_dub(60.0), targets=(finished(line(1)),)), 100, 60.0)
    assert (asked.price, asked.lines) == (0, {"es": ()})


def test_a_language_that_never_was_finished_is_paid_whole() -> None:
    assert quote(example_dub(20.0, "es", "fr"), 100, 60.0).price == 4_000


def test_a_source_that_is_not_known_yet_counts_as_the_estimate() -> None:
    assert quote(example_dub(None), 100, 60.0).price == 6_000


def test_lines_that_could_not_be_spoken_are_not_charged() -> None:
    lines = [line(1), line(2, fit="failed")]
    assert charge_for(1_000, lines, 5.0) == 500
    assert charge_for(1_000, [line(1)], 2.5) == 1_000
    assert charge_for(1_000, [line(1, fit="failed")], 2.5) == 0
    assert charge_for(1_000, [], 0.0) == 1_000
