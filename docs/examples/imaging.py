"""From a recording to a map, a source and features, step by step, in Python.

``python imaging.py RECORDING OUT``. RECORDING is anything that `nullfield.read` reads: an own
recording, FIF, EDF, BIDS, LVM or a table. Cells are marked with ``# %%``, so that editors run it as
a notebook. Research use only: not a diagnosis.
"""

# %% Read. Values are in picotesla, arrays are (n_channels, n_samples), as in MNE.
import sys
from pathlib import Path

import numpy as np

import nullfield
from nullfield.analysis.field_map import map_field
from nullfield.analysis.plots import write_plots
from nullfield.analysis.sources.dipole_fit import fit_dipole
from nullfield.analysis.sources.free_dipole import FreeDipole
from nullfield.files.to_mne import to_mne_evoked, to_mne_raw

recording_path, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
rec = nullfield.read(recording_path)
print(f"{rec.array.n_channels} channels, {rec.duration_s:.0f} s at {rec.sampling_rate_hz:g} Hz")
for note in rec.metadata.get("notes", ()):
    print("note:", note)

# %% Analyse. What the data do not support is None, and `reasons` says why.
analysis = nullfield.analyze(rec)
print(f"{len(analysis.beats.samples)} beats, {analysis.beats.n_accepted} averaged")
for part, why in analysis.reasons.items():
    print(f"{part}: {why}")

# %% Cleaning: what each step removed, and how much of a heart it leaves.
for step in analysis.cleaning:
    removed = "-" if step.removed_db is None else f"{step.removed_db:.1f} dB"
    print(
        f"{step.name:14} {'applied' if step.is_applied else 'left out':9} {removed:8} {step.reason}"
    )

# %% The averaged beat and its landmarks, relative to the R mark.
average = analysis.average
assert average is not None, analysis.reasons
for name, time_s in analysis.marks.times_s.items():
    print(f"{name:11} {1e3 * time_s:6.0f} ms")

# %% A map of your own at any time: here 40 ms after R, with its standard error.
field_pt = average.field_pt[:, average.index(0.040)].copy()
field_pt[~analysis.used] = np.nan
error_pt = average.standard_error_pt[:, average.index(0.040)]
field_map = map_field(field_pt, analysis.array, error_pt)
print(f"Bz from {field_map.bz_pt.min():.1f} to {field_map.bz_pt.max():.1f} pT")

# %% A source in another model than the half-space of the default.
dipole = fit_dipole(field_pt, analysis.array, error_pt, model=FreeDipole())
place_mm = 1e3 * analysis.frame.points_to_device_m(dipole.position_m)
print(f"dipole at {np.round(place_mm, 1)} mm, goodness of fit {dipole.gof:.3f}")

# %% Features with their 95 % intervals over beats.
for feature in analysis.features:
    if feature.value is not None:
        interval = "" if feature.low is None else f"[{feature.low:.4g}, {feature.high:.4g}]"
        print(f"{feature.name:24} {feature.value:10.4g} {feature.unit:5} {interval}")

# %% On to MNE: a Raw and an Evoked are one call away.
raw = to_mne_raw(rec)
evoked = to_mne_evoked(average, analysis.array)
print(raw)
print(evoked)

# %% Pictures and numbers into files.
plots = write_plots(analysis, out)
analysis.write_json(out / "analysis.json")
print("written:", ", ".join(sorted(path.name for path in plots.values())))
