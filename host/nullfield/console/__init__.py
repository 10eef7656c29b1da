"""The console: the screen beside the instrument. It drives the procedures of `nullfield.instrument`."""
