"""Wrong options of ``compensate`` and ``--compensate``; nothing is started for them."""

import pytest


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--bandwidth", "9"), ("--bandwidth 9", "out of range")),
        (("--bandwidth", "nan"), ("--bandwidth nan",)),
        (("--duration", "0"), ("--duration 0", "must be positive")),
    ],
)
def test_options_out_of_range(nullfield, options, words):
    nullfield("compensate", "--rig", "room8", *options).assert_one_line_error(3, *words)


def test_out_that_is_a_file(nullfield, tmp_path):
    (tmp_path / "c1").write_text("")
    outcome = nullfield("compensate", "--rig", "room8", "--out", tmp_path / "c1")
    outcome.assert_one_line_error(3, "is a file")


def test_no_such_rig(nullfield):
    nullfield("compensate", "--rig", "nowhere").assert_one_line_error(4, "nowhere")


@pytest.mark.micropython
@pytest.mark.parametrize(
    "command", [("compensate",), ("record", "--compensate"), ("exam", "--compensate")]
)
def test_a_rig_without_references_is_refused_at_once(nullfield, tmp_path, command):
    out = ("--out", tmp_path / "out")
    outcome = nullfield(*command, "--rig", "bench4", *out)
    outcome.assert_one_line_error(11, "rig bench4 has no reference heads")


def test_help_has_an_example(nullfield):
    outcome = nullfield("compensate", "--help")
    assert outcome.code == 0
    assert "nullfield compensate --rig room8" in outcome.out
