"""What is written is read back: values, gaps, places; and what MNE makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_files import small_recording
from simulated_heart import make_array, simulate

import nullfield
from nullfield.analysis.average import average_beats, remove_baseline
from nullfield.analysis.beats import find_beats
from nullfield.analysis.data import FieldRecording
from nullfield.errors import InputError
from nullfield.files import (
    read,
    to_mne_evoked,
    to_mne_raw,
    write_bids,
    write_csv,
    write_edf,
    write_fif,
)

mne = pytest.importorskip("mne")


def through_csv(recording, folder):
    return write_csv(recording, folder / "a.csv")[0]


def through_tsv(recording, folder):
    return write_csv(recording, folder / "a.tsv")[0]


def through_fif(recording, folder):
    write_fif(recording, folder / "a_raw.fif.gz")
    return folder / "a_raw.fif.gz"


def through_edf(recording, folder):
    write_edf(recording, folder / "a.edf")
    return folder / "a.edf"


def through_bdf(recording, folder):
    write_edf(recording, folder / "a.bdf")
    return folder / "a.bdf"


def through_bids(recording, folder):
    return write_bids(recording, folder / "study").parents[2]


@pytest.fixture(scope="module")
def recording():
    return small_recording(3.3)


@pytest.mark.parametrize(
    ("writer", "error_pt", "error_m", "has_time"),
    [
        (through_csv, 0.0, 0.0, True),
        (through_tsv, 0.0, 0.0, True),
        # FIF has positions in single precision; a value times 1e-12 and back loses its last bit.
        (through_fif, 3e-14, 1e-7, True),
        (through_bids, 3e-14, 1e-7, True),
        (through_edf, 2e-3, 0.0, False),
        (through_bdf, 8e-6, 0.0, False),
    ],
)
def test_all_formats(tmp_path, recording, writer, error_pt, error_m, has_time):
    back = read(writer(recording, tmp_path))
    assert back.unit == recording.unit
    assert back.sampling_rate_hz == recording.sampling_rate_hz
    assert back.n_samples == recording.n_samples
    np.testing.assert_array_equal(back.usable, recording.usable)
    good = recording.usable
    np.testing.assert_allclose(back.field_pt[good], recording.field_pt[good], rtol=0, atol=error_pt)
    ours, theirs = recording.array, back.array
    assert theirs.names == ours.names
    assert theirs.head_names == ours.head_names
    np.testing.assert_array_equal(theirs.axis_index, ours.axis_index)
    np.testing.assert_array_equal(theirs.is_reference, ours.is_reference)
    np.testing.assert_allclose(theirs.positions_m, ours.positions_m, rtol=0, atol=error_m)
    np.testing.assert_allclose(theirs.orientations, ours.orientations, rtol=0, atol=1e-6)
    assert back.start_time_s == (recording.start_time_s if has_time else 0.0)
    assert back.metadata["date"].startswith("2026-01-02T03:04:05")


@pytest.mark.parametrize("writer", [through_csv, through_fif, through_edf])
def test_electric_recordings(tmp_path, recording, writer):
    lead = replace(recording.subset(np.array([0])), unit="uV", metadata={})
    back = read(writer(lead, tmp_path))
    assert back.unit == "uV"
    good = lead.usable
    np.testing.assert_allclose(back.field_pt[good], lead.field_pt[good], atol=2e-3)


@pytest.mark.parametrize("writer", [through_csv, through_fif, through_bids, through_edf])
def test_channels_without_a_place(tmp_path, recording, writer):
    nowhere = recording.array.positions_m.copy()
    nowhere[3:6] = np.nan
    lost = replace(recording, array=replace(recording.array, positions_m=nowhere))
    back = read(writer(lost, tmp_path))
    np.testing.assert_array_equal(back.array.has_place, lost.array.has_place)


@pytest.mark.parametrize("rate_hz", [375.0, 1000.0 / 3.0, 999.987])
def test_odd_sampling_rates(tmp_path, recording, rate_hz):
    odd = replace(recording, sampling_rate_hz=rate_hz)
    assert read(through_csv(odd, tmp_path)).sampling_rate_hz == rate_hz
    assert read(through_fif(odd, tmp_path)).sampling_rate_hz == pytest.approx(rate_hz, rel=1e-7)
    if rate_hz != 999.987:
        back = read(through_edf(odd, tmp_path))
        assert back.sampling_rate_hz == pytest.approx(rate_hz, rel=1e-14)
        assert back.n_samples == odd.n_samples


def test_no_samples_are_refused(tmp_path, recording):
    nothing = replace(recording, field_pt=recording.field_pt[:, :0], valid=None)
    for write in (write_fif, write_edf):
        with pytest.raises(InputError, match="no samples"):
            write(nothing, tmp_path / ("a_raw.fif" if write is write_fif else "a.edf"))


def test_a_frame_that_is_known_stays_known(tmp_path, recording):
    ours = replace(recording, metadata={"coordinates": "head frame: x right to left"})
    for writer in (through_csv, through_fif, through_bids):
        assert read(writer(ours, tmp_path)).metadata["coordinates"].startswith("head frame")
    assert read(through_edf(ours, tmp_path)).metadata["coordinates"] == "device coordinates"


def test_mne_cuts_and_drops_and_we_still_know_the_heads(tmp_path, recording):
    raw = to_mne_raw(recording)
    raw.crop(1.0, 2.0).drop_channels(list(recording.array.names[:4]))
    raw.save(tmp_path / "part_raw.fif", verbose="error")
    back = read(tmp_path / "part_raw.fif")
    assert back.array.head_names == recording.array.head_names[4:]
    np.testing.assert_array_equal(back.array.axis_index, recording.array.axis_index[4:])
    assert back.start_time_s == pytest.approx(recording.start_time_s + 1.0)
    np.testing.assert_array_equal(back.usable, recording.usable[4:, 1000:2001])


@pytest.fixture(scope="module")
def heart():
    return simulate(make_array(5, (0, 2)), duration_s=12.0, seed=2).recording


@pytest.fixture(scope="module")
def average(heart):
    beats = find_beats(heart)
    level, segment_s = remove_baseline(heart, beats)
    return average_beats(level, beats, segment_s)


class TestMne:
    """The picture of a recording in MNE, drawn without a screen."""

    @pytest.fixture(autouse=True)
    def without_a_screen(self):
        import matplotlib

        backend = matplotlib.get_backend()
        matplotlib.use("Agg")
        yield
        import matplotlib.pyplot as plt

        plt.close("all")
        matplotlib.use(backend)

    def test_raw_is_drawn(self, heart):
        raw = to_mne_raw(heart)
        figure = raw.plot_sensors(ch_type="mag", show=False)
        # One point a head and axis, in the plane of the chest.
        points = figure.axes[0].collections[0].get_offsets()
        assert len(points) == heart.array.n_channels
        spectrum = raw.compute_psd(fmax=100.0, n_fft=2048, verbose="error")
        assert len(spectrum.plot(show=False, amplitude=False).axes) >= 1
        ours = np.sqrt(np.median(spectrum.get_data()[:, (spectrum.freqs > 60)]))
        assert ours == pytest.approx(18e-15, rel=0.1)
        assert raw.plot(show=False, verbose="error") is not None

    def test_evoked_is_the_average_and_is_drawn(self, heart, average):
        evoked = to_mne_evoked(average, heart.array)
        np.testing.assert_allclose(evoked.data, average.field_pt * 1e-12, rtol=1e-14)
        np.testing.assert_allclose(evoked.times, average.time_s, atol=1e-12)
        assert evoked.nave == np.median(average.beats_used)
        assert evoked.info["sfreq"] == heart.sampling_rate_hz
        # The simulated heads measure Bz along what they call x.
        normal = evoked.copy().pick([n for n in heart.array.names if n.endswith("-x")])
        assert len(normal.plot(show=False).axes[0].lines) >= 25
        figure = normal.plot_topomap(times=[0.0], show=False, cmap="viridis", colorbar=False)
        drawn = figure.axes[0].images[0].get_array()
        # The map has a pole of each sign, and is not of one value.
        peak = np.abs(normal.data[:, normal.time_as_index(0.0)]).max() * 1e15
        assert np.ma.max(np.abs(drawn)) == pytest.approx(peak, rel=0.35)
        assert np.ma.min(drawn) < -0.2 * peak < 0.2 * peak < np.ma.max(drawn)

    def test_evoked_goes_through_a_file(self, tmp_path, heart, average):
        evoked = to_mne_evoked(average, heart.array)
        evoked.save(tmp_path / "beat-ave.fif", verbose="error")
        back = mne.read_evokeds(tmp_path / "beat-ave.fif", verbose="error")[0]
        np.testing.assert_allclose(back.data, evoked.data, rtol=1e-6)
        # An average is no recording: the error says so instead of a guess.
        with pytest.raises(InputError, match=r"beat-ave\.fif"):
            read(tmp_path / "beat-ave.fif")

    def test_the_array_has_to_be_that_of_the_average(self, heart, average):
        with pytest.raises(InputError, match="50 channels, the array 3"):
            to_mne_evoked(average, heart.array.subset(np.arange(3)))

    def test_channels_without_beats_are_bad(self, heart, average):
        field_pt = average.field_pt.copy()
        field_pt[4] = np.nan
        evoked = to_mne_evoked(replace(average, field_pt=field_pt), heart.array)
        assert evoked.info["bads"] == [heart.array.names[4]]
        assert np.isfinite(evoked.data).all()


def test_the_package_reads_and_analyses(tmp_path):
    heart = simulate(make_array(3, (0, 2)), duration_s=15.0, seed=1)
    path = through_csv(heart.recording, tmp_path)
    recording = nullfield.read(path)
    assert isinstance(recording, FieldRecording)
    result = nullfield.analyze(recording)
    found = result.beats.times_s
    assert len(found) == pytest.approx(len(heart.r_times_s), abs=1)
    assert {"read", "analyze", "__version__"} <= set(dir(nullfield))
    with pytest.raises(AttributeError, match="no attribute 'analyse'"):
        _ = nullfield.analyse
