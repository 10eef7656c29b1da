"""Features of the averaged beat and of its maps: for research, not a diagnosis."""
