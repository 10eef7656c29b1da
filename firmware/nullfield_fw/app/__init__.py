"""One application a board role, and what they share."""
