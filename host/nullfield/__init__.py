"""Nullfield: control and imaging stack for zero-field magnetocardiography."""

__version__ = "0.2.0"
