"""Reading other people's traffic: live, from a tap, or from a capture."""
