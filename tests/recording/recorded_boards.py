"""Recordings of fake boards, made the way the instrument makes them."""

from fake_board import FakeBoard, StepClock

from nullfield.devices.connect import connect
from nullfield.recording.writer import RecordingWriter
from nullfield_protocol.catalogue import Role


def header(**more):
    return {"rig": {"name": "test"}, "boards": [], "software": {"nullfield": "0"}, **more}


def record(path, seconds=0.2, start_s=100.0, roles=(Role.SENSOR, Role.COIL), **options):
    """Record fake boards of one clock, the way the instrument does."""
    clock = StepClock(start_s)
    fakes = [FakeBoard(clock, role, bytes([n + 1]) * 8) for n, role in enumerate(roles)]
    boards = [connect(fake, clock, name=f"board{n}") for n, fake in enumerate(fakes)]
    writer = RecordingWriter(path, header(boards=[one.description() for one in boards]), **options)
    for board in boards:
        board.link.subscribe(writer.frame_sink(board.uid))
        board.stream_start()
    writer.add_event("step", clock.now, name="record", wall_clock={"at": str(start_s)})
    clock.run(seconds)
    writer.close()
    return fakes, boards
