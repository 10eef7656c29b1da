"""From the field of an array to beats, maps, sources and a report; knows arrays and geometry."""
