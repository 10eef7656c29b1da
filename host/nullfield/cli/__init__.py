"""The command line: a thin layer over the procedures, and the composition root of the host."""
