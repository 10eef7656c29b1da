"""A page per board, written from its definition and the notes beside it."""
