"""A few power cuts while a board is flashed; ``make soak`` makes many."""

from __future__ import annotations

import pytest
from flash_bench import bundle
from power_cuts import SITUATIONS, Situation, run_cuts
from trees import old_version

CUTS = 5
SEED = 20


@pytest.mark.slow
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.name)
def test_no_cut_bricks_a_board(
    situation: Situation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    old = bundle(firmware=old_version(tmp_path_factory.mktemp("old")))
    tally = run_cuts(situation, CUTS, SEED, old, bundle())
    assert tally.cuts == CUTS
    assert (tally.bricked, tally.settings_lost, tally.not_repaired) == ([], [], [])
    # The first and the last operation are among the cuts: one leaves the old firmware, one the new.
    assert tally.operations > 200
    assert tally.booted["new"] >= 1
    assert tally.booted["old"] + tally.booted["prompt"] >= 1
