"""Control: pure integer code. No hardware, no clock, no protocol; the step time comes in."""
