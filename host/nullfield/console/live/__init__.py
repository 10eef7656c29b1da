"""What is shown while it happens: state, traces, spectra, the averaged beat."""
