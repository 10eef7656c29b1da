"""The board definitions that ship, read as what they are: literals."""

_BOARDS = __file__.rsplit("/", 2)[0] + "/../boards/"


def _load(name):
    place = {}
    with open(_BOARDS + name + "/board.py") as stream:
        exec(stream.read(), place)
    return place["BOARD"]


SENSOR = _load("sensor_pico2")
COIL = _load("coil_pico2")
TABLE = _load("table_pico2")
BRINGUP = _load("bringup_pico2")
