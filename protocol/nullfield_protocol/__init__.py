"""Nullfield's wire protocol, defined once."""
