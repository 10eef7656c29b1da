"""Vectorcardiogram files that cannot be used."""

import numpy as np
import pytest


def lines(duration_s=8.0, rate_hz=500.0, header="time_s,vx_mV,vy_mV,vz_mV"):
    time_s = np.arange(int(duration_s * rate_hz)) / rate_hz
    wave = np.exp(-(((time_s % 0.8) - 0.4) ** 2) / 2e-4)
    return [
        header,
        *(f"{t:.4f},{v:.4f},{v:.4f},{v:.4f}" for t, v in zip(time_s, wave, strict=True)),
    ]


def with_line(number, text):
    out = lines()
    out[number] = text
    return out


BAD = {
    "missing columns": (lines(header="time_s,vx_mV,vy_mV,lead"), "column vz_mV is missing"),
    "NaN": (with_line(10, "0.018,nan,0,0"), "row 11: vx_mV is 'nan', not a number"),
    "text": (with_line(10, "0.018,0,zero,0"), "row 11: vy_mV is 'zero', not a number"),
    "short row": (with_line(10, "0.018,0,0"), "row 11: vz_mV is '', not a number"),
    "too short": (lines(duration_s=2.0), "less than 5 s"),
    "time jumps": (with_line(10, "0.5,0,0,0"), "time_s is not uniform"),
    "too coarse": (lines(rate_hz=100.0), "100 samples a second are too few"),
    "empty": ([], "column time_s, vx_mV, vy_mV, vz_mV is missing"),
    "no beats": (
        [lines()[0], *(f"{n / 500:.3f},0,0,0" for n in range(4000))], "heart beats found",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
@pytest.mark.micropython
def test_bad_heart_file(what, nullfield, tmp_path):
    content, words = BAD[what]
    file = tmp_path / "heart.csv"
    file.write_text("\n".join(content) + "\n")
    outcome = nullfield("exam", "--rig", "bench4", "--heart", file, "--out", tmp_path / "out")
    outcome.assert_one_line_error(3, "heart.csv", words)
    assert not (tmp_path / "out" / "exam.json").exists()


def test_missing_heart_file(nullfield, tmp_path):
    outcome = nullfield("exam", "--rig", "bench4", "--heart", tmp_path / "not-there.csv")
    outcome.assert_one_line_error(3, "not-there.csv: no such file")


def test_heart_file_is_a_folder(nullfield, tmp_path):
    nullfield("exam", "--rig", "bench4", "--heart", tmp_path).assert_one_line_error(
        3, str(tmp_path)
    )


def test_heart_on_a_real_rig(bench4, nullfield, tmp_path):
    for number in range(2):
        bench4 = bench4.replace('"virtual"', f'"/dev/nullfield{number}"', 1)
    rig = tmp_path / "real.toml"
    rig.write_text(bench4)
    file = tmp_path / "heart.csv"
    file.write_text("\n".join(lines()))
    nullfield("exam", "--rig", rig, "--heart", file).assert_one_line_error(3, "--heart")
