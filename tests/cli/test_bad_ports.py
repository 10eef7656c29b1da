"""What can be wrong behind the ports of a real rig."""

import pytest
from fake_board import FakeBoard, StepClock
from fake_ports import board_port, noise_port

from nullfield.transport.serial_port import SerialTransport
from nullfield_protocol.catalogue import PROTOCOL_VERSION, Role

SENSOR, COIL = "e66138528350b001", "e66138528351b001"


@pytest.fixture
def ports():
    """Makes ports and takes them away afterwards."""
    made = []

    def keep(port):
        made.append(port)
        return port.path

    yield keep
    for port in made:
        port.close()


@pytest.fixture
def rig(bench4, tmp_path):
    """The small rig with its two boards at ports."""

    def write(sensor, coil="/dev/nullfield-not-there"):
        text = bench4.replace('"virtual"', f'"{sensor}"', 1).replace('"virtual"', f'"{coil}"', 1)
        path = tmp_path / "real.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def good(ports):
    return ports(board_port(Role.SENSOR, SENSOR))


def test_port_that_is_not_there(nullfield, rig, tmp_path):
    file = rig("/dev/nullfield-gone")
    outcome = nullfield("exam", "--rig", file, "--out", tmp_path / "out")
    outcome.assert_one_line_error(6, "/dev/nullfield-gone: there is no such port")
    assert not (tmp_path / "out" / "recording").exists()


def test_second_board_missing(nullfield, rig, ports):
    file = rig(good(ports))
    nullfield("start", "--rig", file).assert_one_line_error(6, "/dev/nullfield-not-there")


def test_nobody_answers(nullfield, rig, ports):
    silent = ports(noise_port(b""))
    outcome = nullfield("start", "--rig", rig(silent))
    outcome.assert_one_line_error(7, SENSOR, silent, "nothing came")


def test_wrong_role(nullfield, rig, ports):
    path = ports(board_port(Role.COIL, SENSOR))
    outcome = nullfield("start", "--rig", rig(path))
    outcome.assert_one_line_error(8, SENSOR, path, "should be a sensor board", "is a coil board")


def test_wrong_board(nullfield, rig, ports):
    path = ports(board_port(Role.SENSOR, "00000000000000aa"))
    nullfield("start", "--rig", rig(path)).assert_one_line_error(
        7, SENSOR, "00000000000000aa", path
    )


def test_two_boards_with_one_uid(nullfield, rig, ports):
    first, second = good(ports), good(ports)
    outcome = nullfield("start", "--rig", rig(first, second))
    outcome.assert_one_line_error(7, f"should be {COIL}, but {SENSOR}", second)
    outcome = nullfield("boards", "--port", first, "--port", second)
    outcome.assert_one_line_error(7, f"{second}: board {SENSOR} answers at {first}, too")
    assert SENSOR in outcome.out


def test_other_protocol_version(nullfield, rig, ports):
    path = ports(
        board_port(uid=SENSOR, change=lambda f: setattr(f, "version", PROTOCOL_VERSION + 1))
    )
    outcome = nullfield("start", "--rig", rig(path))
    outcome.assert_one_line_error(8, SENSOR, path, f"speaks protocol {PROTOCOL_VERSION + 1}")


def test_other_catalogue(nullfield, rig, ports):
    path = ports(board_port(uid=SENSOR, change=lambda f: setattr(f, "catalogue", b"\xab" * 8)))
    outcome = nullfield("start", "--rig", rig(path))
    outcome.assert_one_line_error(8, SENSOR, path, "abababababababab")


def test_port_in_use(nullfield, rig, ports):
    path = good(ports)
    other = SerialTransport(path)
    other.open()
    try:
        file = rig(path)
        nullfield("exam", "--rig", file).assert_one_line_error(6, f"{path}: the port is in use")
        nullfield("boards", "--port", path).assert_one_line_error(6, f"{path}: the port is in use")
    finally:
        other.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\xff garbage \x80" * 20, "bytes came, but no whole frame"),
        (b"\x05\x01\x02", "bytes came, but no whole frame"),
        (b"\0" * 50, "bytes came, but no whole frame"),
        (b"MicroPython v1.25\r\n>>> ", "bytes came, but no whole frame"),
    ],
    ids=["garbage", "half a frame", "zeros", "prompt"],
)
def test_no_frame_comes(answer, words, nullfield, rig, ports):
    path = ports(noise_port(answer))
    nullfield("start", "--rig", rig(path)).assert_one_line_error(7, SENSOR, path, words)


def test_answers_cut_in_half(nullfield, rig, ports):
    def cut(fake):
        fake.to_host = lambda wire: [wire[: len(wire) // 2]]

    path = ports(board_port(uid=SENSOR, change=cut))
    nullfield("start", "--rig", rig(path)).assert_one_line_error(7, SENSOR, path, "no whole frame")


def test_garbage_between_good_frames_is_counted_only(nullfield, ports):
    def dirty(fake):
        fake.to_host = lambda wire: [b"\x07\xaa noise\0" + wire]

    path = ports(board_port(uid=SENSOR, change=dirty))
    outcome = nullfield("boards", "--port", path, "--json")
    assert outcome.code == 0, outcome.err
    assert SENSOR in outcome.out
    assert '"bad_frames": 0' not in outcome.out


def test_boards_of_a_rig_shows_good_and_bad(nullfield, rig, ports):
    wrong = ports(board_port(Role.SENSOR, COIL))
    outcome = nullfield("boards", "--rig", rig(good(ports), wrong))
    outcome.assert_one_line_error(8, COIL, "should be a coil board")
    assert SENSOR in outcome.out


def test_fakes_have_the_shipped_version():
    assert FakeBoard(StepClock()).version == PROTOCOL_VERSION
