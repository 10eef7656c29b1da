"""From the field of an array to beats, maps, sources and a report; knows arrays and geometry."""

RESEARCH_USE = "Research use only: not a diagnosis."
"""Stands with every figure that could be taken for one."""
