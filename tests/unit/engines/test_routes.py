"""Ways from one language to another."""

from __future__ import annotations

from dataclasses import dataclass

from myna.engines.routes import routes


@dataclass(frozen=True)
class Step:
    name: str

    @property
    def source(self) -> str:
        return self.name.partition(">")[0]

    @property
    def target(self) -> str:
        return self.name.partition(">")[2].removesuffix("'")


def names(*steps: str, pivots: tuple[str, ...] = ("en",), others: bool = True) -> dict[str, str]:
    found = routes([Step(step) for step in steps], pivots, others=others)
    return {f"{source}>{target}": " ".join(step.name for step in way) for (source, target), way in found.items()}


def test_a_direct_way_is_better_and_the_first_of_two_is_taken() -> None:
    assert names("es>fr", "es>en", "en>fr")["es>fr"] == "es>fr"
    assert names("es>fr'", "es>fr")["es>fr"] == "es>fr'"


def test_two_steps_meet_in_the_best_pivot() -> None:
    steps = ("es>ca", "ca>fr", "es>en", "en>fr")
    assert names(*steps)["es>fr"] == "es>en en>fr"
    assert names(*steps, pivots=("ca", "en"))["es>fr"] == "es>ca ca>fr"


def test_other_pivots_are_gone_by_only_when_allowed() -> None:
    assert names("es>ca", "ca>fr")["es>fr"] == "es>ca ca>fr"
    assert "es>fr" not in names("es>ca", "ca>fr", others=False)


def test_no_way_leads_back_or_takes_three_steps() -> None:
    found = names("es>en", "en>es", "en>pt-BR", "pt>de")
    assert "es>es" not in found
    assert found["es>pt-BR"] == "es>en en>pt-BR"
    assert found["en>de"] == "en>pt-BR pt>de"
    assert "es>de" not in found
