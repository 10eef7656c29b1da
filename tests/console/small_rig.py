"""A small instrument with everything that an examination needs: four heads, eight coils, a table."""

from __future__ import annotations

from pathlib import Path

_RIGS = Path(__file__).parents[2] / "rigs"
_TABLE_UID = "e66138528352b001"


def write_small_rig(folder: Path) -> Path:
    """Write the rig file: ``bench4`` with a table."""
    text = (_RIGS / "bench4.toml").read_text().replace('name = "bench4"', 'name = "small"')
    board, rest = text.split("[[heads]]", 1)
    table_board = (
        f'[[boards]]\nuid = "{_TABLE_UID}"\nrole = "table"\n'
        'definition = "table_pico2"\nport = "virtual"\n\n'
    )
    heads, world = rest.split("# The virtual world", 1)
    table = f'[table]\nboard = "{_TABLE_UID}"\nin_position_mm = 550.0\nspeed_mm_s = 40.0\n\n'
    path = folder / "small.toml"
    path.write_text(f"{board}{table_board}[[heads]]{heads}{table}# The virtual world{world}")
    return path
