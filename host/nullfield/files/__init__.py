"""Recordings and results in the formats that the field exchanges."""

from nullfield.files.bids import write_bids
from nullfield.files.csv_out import write_csv
from nullfield.files.edf_out import write_edf
from nullfield.files.fif import write_fif
from nullfield.files.read import open_source, read, section
from nullfield.files.to_mne import to_mne_evoked, to_mne_raw

__all__ = [
    "open_source",
    "read",
    "section",
    "to_mne_evoked",
    "to_mne_raw",
    "write_bids",
    "write_csv",
    "write_edf",
    "write_fif",
]
