"""Procedures of the instrument, one a file. They see only what a real instrument would show."""
