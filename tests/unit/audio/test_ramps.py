from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from myna.audio.ramps import Ramps, joined

moments = st.integers(-50, 500)
spans = st.lists(st.tuples(moments, st.integers(0, 100)).map(lambda span: (span[0], span[0] + span[1])), max_size=6)


def test_near_spans_are_joined():
    assert joined([(50, 60), (0, 10), (12, 20)], 3) == [(0, 20), (50, 60)]
    assert joined([(0, 10), (13, 20)], 3) == [(0, 10), (13, 20)]
    assert joined([(0, 30), (5, 10)], 0) == [(0, 30)]
    assert joined([], 3) == []


def test_a_ramp_lies_outside_its_span():
    weights = Ramps([(100, 200)], 50).between(0, 300)
    assert not weights[:51].any()
    assert (weights[100:201] == 1).all()
    assert weights[75] == np.float32(0.5)
    assert not weights[250:].any()
    assert np.abs(np.diff(weights)).max() < 0.04


def test_nothing_is_turned_without_spans():
    assert Ramps([], 50).between(10, 30).tolist() == [0.0] * 20


@given(spans=spans, ramp=st.integers(1, 40), cut=st.integers(0, 400))
def test_it_is_one_within_and_smooth_everywhere(spans: list[tuple[float, float]], ramp: int, cut: int):
    ramps = Ramps(spans, ramp)
    weights = np.concatenate([ramps.between(0, cut), ramps.between(cut, 400)])
    assert len(weights) == 400
    assert ((weights >= 0) & (weights <= 1)).all()
    assert np.abs(np.diff(weights)).max() <= np.pi / 2 / ramp + 1e-6
    for start, end in spans:
        assert (weights[int(max(0, start)) : int(max(0, end + 1))] > 1 - 1e-6).all()
