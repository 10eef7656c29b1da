"""Nothing is allocated while blocks run, whatever the host asks and the board does."""

from bench import Bench
from nullfield_fw import wire

_COMMON = [
    (wire.COMMAND_STREAM_START, 0, 0),
    (wire.COMMAND_CLEAR_FAULTS, 0, 0),
    (wire.COMMAND_STREAM_STOP, 0, 0),
    (wire.COMMAND_STREAM_START, 0, 0),
    (wire.COMMAND_SAFE_OFF, 0, 0),
    (wire.COMMAND_DEFAULT_SETTINGS, 0, 0),
]
_LOCKED = 2500
_COUNTED = 10000


def _exercise(bench, commands):
    bench.chatter(_LOCKED, commands + _COMMON, True)
    bench.chatter(_COUNTED, commands + _COMMON, False)


def _fault_paths(bench, start, lock):
    bench.command(start[0], start[1], start[2], lock)
    bench.host_falls_silent()
    bench.run(2600, lock)
    assert bench.board.faults.code == wire.FAULT_CODE_HOST_SILENT
    bench.command(wire.COMMAND_CLEAR_FAULTS, 0, 0, lock)


def test_coil_board():
    bench = Bench("coil")
    commands = [(wire.COMMAND_COIL_ENABLE, 1, 0)]
    commands += [(wire.COMMAND_COIL_SET, n, 900000 * n) for n in range(9)]
    commands += [(wire.COMMAND_COIL_SET, 1, 0x7FFFFFFF), (wire.COMMAND_COIL_RAMP_TO_ZERO, 0, 0)]
    _exercise(bench, commands)
    bench.command(wire.COMMAND_COIL_ENABLE, 1)
    for sequence in (1, 0x7FFFFFFF, 0xFFFFFFFF):
        bench.compensate(sequence, 20, [-(1 << 31), 0x7FFFFFFF] * 4)
        bench.run(50)
    bench.world.broken[0] = True
    bench.command(wire.COMMAND_COIL_ENABLE, 1)
    bench.command(wire.COMMAND_COIL_SET, 0, 5000000)
    bench.run(600)
    assert bench.board.faults.code == wire.FAULT_CODE_COIL_OPEN
    bench.command(wire.COMMAND_CLEAR_FAULTS)
    _fault_paths(bench, (wire.COMMAND_COIL_ENABLE, 1, 0), True)


def test_table_board():
    bench = Bench("table")
    commands = [
        (wire.COMMAND_TABLE_HOME, 0, 0),
        (wire.COMMAND_TABLE_MOVE, 200000, 40000),
        (wire.COMMAND_PING, 0, 0),
        (wire.COMMAND_TABLE_STOP, 0, 0),
        (wire.COMMAND_TABLE_MOVE, 0x7FFFFFFF, -(1 << 31)),
        (wire.COMMAND_TABLE_MOVE, 600000, 50000),
        (wire.COMMAND_TABLE_RELEASE, 0, 0),
    ]
    _exercise(bench, commands)
    bench.world.offset += 1000000
    _fault_paths(bench, (wire.COMMAND_TABLE_HOME, 0, 0), True)


def test_sensor_board_from_cold_to_ready():
    bench = Bench("sensor")
    bench.write(5, 1500)
    bench.run(100)
    bench.command(wire.COMMAND_STREAM_START)
    bench.command(wire.COMMAND_SENSOR_START, 15)
    heads = bench.board.heads
    lock = True
    commands = [
        (wire.COMMAND_SENSOR_START, 15, 0),
        (wire.COMMAND_SENSOR_LOOP, 2, 1),
        (wire.COMMAND_STREAM_START, 0, 0),
    ]
    while any(head.state != wire.HEAD_STATE_READY for head in heads):
        bench.chatter(400, commands, lock)
        assert bench.blocks < 45000, [(head.state, head.fault) for head in heads]
        lock = not lock
    commands = [
        (wire.COMMAND_SENSOR_ZERO, 1, 0),
        (wire.COMMAND_SENSOR_MEASURE_BEAM, 6, 0),
        (wire.COMMAND_SENSOR_LOOP, 8, 0),
        (wire.COMMAND_SENSOR_LOOP, 8, 1),
        (wire.COMMAND_STREAM_STOP, 0, 0),
        (wire.COMMAND_STREAM_START, 0, 0),
        (wire.COMMAND_CLEAR_FAULTS, 0, 0),
    ]
    bench.chatter(_LOCKED, commands, True)
    bench.chatter(_COUNTED, commands, False)
    assert heads[0].zero_count > 1
    bench.world.cell_c[1] = 400.0
    bench.run(100)
    assert heads[1].fault == wire.FAULT_CODE_CELL_SENSOR
    _fault_paths(bench, (wire.COMMAND_PING, 0, 0), True)
    bench.chatter(400, _COMMON, True)
