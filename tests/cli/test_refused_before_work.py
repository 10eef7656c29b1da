"""What can be known to be wrong is told before heads are heated, boards moved or coils designed."""

import pytest


@pytest.mark.micropython
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--rig", "bench4"), "no degaussing channel"),
        (("--rig", "degauss4", "--cycles", "5"), "5 cycles are out of range"),
        (("--rig", "degauss4", "--peak", "99"), "peak of 99 mA is out of range"),
    ],
)
def test_degauss(nullfield, options, words):
    outcome = nullfield("degauss", *options)
    outcome.assert_one_line_error(3, words)
    assert "Sensor heads" not in outcome.err


@pytest.mark.parametrize("seconds", ["5", "500", "-1"])
def test_learning_for_too_short_or_too_long(nullfield, seconds):
    outcome = nullfield("compensate", "--rig", "room8", "--learn", seconds)
    assert outcome.code == 11
    assert f"learning for {seconds} s is out of range" in outcome.err
    assert "Sensor heads" not in outcome.err


def test_designed_coils_have_no_place(nullfield, tmp_path):
    (tmp_path / "file").write_text("")
    outcome = nullfield(
        "coil-design", "--spacing", "1.6", "--plane", "2", "2", "--volume", "0.4", "0.4", "0.4",
        "--out", tmp_path / "file" / "sub",
    )  # fmt: skip
    outcome.assert_one_line_error(3, "is a file")


def test_a_picture_of_the_tuning_has_no_place(nullfield, tmp_path):
    outcome = nullfield("tune", "C01", "coil", "--plot", tmp_path / "none" / "a.png")
    outcome.assert_one_line_error(3, "its folder is not there")
