"""``exam`` whose board dies: one line, exit code, and an exam.json that tells."""

import json
import os
import signal

import pytest

pytestmark = pytest.mark.micropython
SENSOR = "e66138528350b001"


def test_board_killed_during_exam(nullfield, monkeypatch, tmp_path):
    from nullfield.virtual.instrument import VirtualInstrument

    worlds = []
    power_on = VirtualInstrument.power_on

    def power_on_and_kill_later(world):
        power_on(world)
        worlds.append(world)
        process = world.by_uid[SENSOR].process
        world.watchers.append(lambda: world.block == 1500 and os.kill(process.pid, signal.SIGKILL))

    monkeypatch.setattr(VirtualInstrument, "power_on", power_on_and_kill_later)
    out = tmp_path / "out"
    outcome = nullfield("exam", "--rig", "bench4", "--out", out)
    outcome.assert_one_line_error(6, SENSOR, "gone")
    exam = json.loads((out / "exam.json").read_text())
    assert exam["state"] == "failed"
    assert exam["step"] == "begin"
    assert SENSOR in exam["error"]
    assert (out / "truth.json").exists()
    assert not any(board.alive for board in worlds[0].boards)
    nullfield("score", out).assert_one_line_error(3, "exam.json", "failed")
    nullfield("exam", "--rig", "bench4", "--out", out).assert_one_line_error(3, "already")


def test_json_of_a_failed_exam_is_no_half_document(nullfield, tmp_path):
    outcome = nullfield("exam", "--rig", "nix", "--json")
    outcome.assert_one_line_error(4, "nix")
    assert outcome.out == ""
