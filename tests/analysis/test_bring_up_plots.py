"""Figures of noise and sweep: drawn whatever is missing, and files as asked for."""

import numpy as np
import pytest

from nullfield.analysis.plots.noise_shares import NoisePanel, noise_shares_figure
from nullfield.analysis.plots.sweep import SweepPicture, sweep_figure
from nullfield.analysis.plots.write_figure import check_picture, write_figure
from nullfield.errors import InputError

FREQUENCY_HZ = np.linspace(0.0, 500.0, 501)


def panel(number, shares):
    measured = np.full((3, 501), 14.0)
    measured[2] = np.nan
    named = {name: np.full(501, 5.0) for name in shares}
    return NoisePanel(f"head {number}", FREQUENCY_HZ, measured, named)


@pytest.mark.parametrize("heads", [1, 2, 3, 4])
def test_noise_of_any_number_of_heads(heads, tmp_path):
    panels = [panel(n, ("photon shot noise", "coil converter")) for n in range(heads)]
    figure = noise_shares_figure(panels, (10.0, 100.0), {"somebody's": 18.0})
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == [f"head {n}" for n in range(heads)]
    # Two measured axes, two shares and the published line; the beam axis did not move.
    assert len(shown[0].lines) == 5
    file = tmp_path / "noise.png"
    write_figure(figure, file)
    assert file.read_bytes().startswith(b"\x89PNG")


def sweep_picture(**changed):
    table = np.array([[12.0, 13.0], [11.0, np.nan], [np.nan, np.nan], [15.0, 16.0]])
    given = {
        "label": "laser current (mA)", "values": np.array([1.2, 1.4, 1.6, 1.8]),
        "names": ["head 0", "head 1"], "noise_ft_rthz": table, "slope_na_per_nt": table,
        "light_ua": table, "present": 1.5, "suggested": 1.4, "as_good": (1.2, 1.4),
    }  # fmt: skip
    return SweepPicture(**{**given, **changed})


def test_sweep_marks_what_failed_and_what_is_suggested(tmp_path):
    noise = sweep_figure(sweep_picture()).axes[0]
    upright = {line.get_xdata()[0] for line in noise.lines if len(set(line.get_xdata())) == 1}
    assert upright == {1.6, 1.5, 1.4}
    write_figure(sweep_figure(sweep_picture(suggested=None, as_good=None)), tmp_path / "s.pdf")
    assert (tmp_path / "s.pdf").read_bytes().startswith(b"%PDF")


def test_the_same_figure_is_the_same_file(tmp_path):
    for name in ("a.png", "b.png"):
        write_figure(sweep_figure(sweep_picture()), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_pictures_that_cannot_be_written(tmp_path):
    check_picture(None)
    check_picture(tmp_path / "a.svg")
    with pytest.raises(InputError, match="no kind of figure"):
        check_picture(tmp_path / "a.doc")
    with pytest.raises(InputError, match="folder is not there"):
        check_picture(tmp_path / "none" / "a.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match=r"folder\.png: "):
        write_figure(sweep_figure(sweep_picture()), tmp_path / "folder.png")
