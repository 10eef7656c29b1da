"""What the heads' own zero leaves at the cells of a small rig, on all three axes."""

from __future__ import annotations

import pytest
from tests.bench.zero_accuracy import GOAL_BEAM_S, GOAL_PT, run


@pytest.mark.slow
@pytest.mark.micropython
def test_full_zero_and_balance_leave_less_than_the_goal():
    zeros = {zero.name: zero for zero in run("bench4", 2)}
    assert (zeros["full zero"].rms_pt() < GOAL_PT).all(), zeros["full zero"].rms_pt()
    assert (zeros["beam again"].rms_pt() < GOAL_PT).all(), zeros["beam again"].rms_pt()
    assert zeros["beam"].duration_s <= GOAL_BEAM_S
