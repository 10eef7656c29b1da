"""Ports that carry bytes, and the clocks that pace the host."""
