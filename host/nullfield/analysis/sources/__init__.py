"""Where the currents are: forward models, dipoles, distributed sources."""
