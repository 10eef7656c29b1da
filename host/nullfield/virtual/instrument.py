"""The virtual instrument: all boards in lockstep with the plant, one block of 1 ms at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.definitions import load_definition
from nullfield.errors import BoardLostError, RigError
from nullfield.rig import Rig
from nullfield.virtual import exchange
from nullfield.virtual.coil_wiring import CoilWiring
from nullfield.virtual.defects import Defect, apply_defects
from nullfield.virtual.flash import Flash
from nullfield.virtual.plant import Plant, PlantCoil, PlantHead, PlantInputs, Scenario
from nullfield.virtual.process import RESET_WATCHDOG, BoardProcess
from nullfield.virtual.wiring import SensorWiring, TableWiring

BLOCK_S = 1e-3
_NO_DUTY = bytes(16)


class InputLevels(dict[str, int]):
    """Levels of a board's inputs by name, with the word that the tick carries kept up to date."""

    def __init__(self, bits: dict[str, int]) -> None:
        super().__init__(dict.fromkeys(bits, 0))
        self._bits = bits
        self.word = 0

    def __setitem__(self, name: str, level: int) -> None:
        """Set one level."""
        super().__setitem__(name, level)
        bit = 1 << self._bits[name]
        self.word = self.word | bit if level else self.word & ~bit


class VirtualBoard:
    """One board as the instrument sees it: its process, pins, watchdog and link bytes."""

    def __init__(self, uid: str, role: str) -> None:
        self.uid = uid
        self.role = role
        self.process: BoardProcess
        self.outputs: dict[str, int] = {}
        self.inputs = InputLevels({})
        self.duty = _NO_DUTY
        self._output_word = -1
        self.step_rate = 0
        self.slow_ppm = 0.0
        self.skipped_blocks = 0
        self._late_blocks = 0.0
        self.alive = False
        self.reason = ""
        self.unfed_ms = 0
        self.to_board = bytearray()
        self.receiver: Callable[[bytes], None] | None = None
        self.on_lost: Callable[[str], None] | None = None
        self.tick = exchange.TickBuffer(0)
        self.frames: npt.NDArray[np.int32] | None = None
        self.words: npt.NDArray[np.uint32] | None = None
        self.steps: Callable[[], int] = int
        self.supply_mv = 5000
        self.die_temperature_c = 35

    def let_go(self) -> None:
        """Outputs fall to their safe levels: a reset, or the end."""
        self.outputs = {}
        self.duty = _NO_DUTY
        self._output_word = -1
        self.step_rate = 0

    def is_due(self) -> bool:
        """Whether a block of this board ends now: a slow crystal leaves one out now and then."""
        if self.slow_ppm == 0.0:
            return True
        self._late_blocks += self.slow_ppm * 1e-6
        if self._late_blocks < 1.0:
            return True
        self._late_blocks -= 1.0
        self.skipped_blocks += 1
        return False

    def take(self, tock: exchange.Tock) -> bool:
        """Take over what the board put out; True if pins or duties changed."""
        if self.words is not None:
            self.words[:] = np.frombuffer(tock.dac, dtype=np.uint32)
        self.step_rate = tock.step_rate
        if tock.outputs == self._output_word and tock.duties == self.duty:
            return False
        self._output_word = tock.outputs
        self.duty = tock.duties
        bits = self.process.output_bits
        self.outputs = {name: tock.outputs >> bit & 1 for name, bit in bits.items()}
        return True

    def pin(self, name: str) -> int:
        """Level of an output; a board that is gone has let go of all of them."""
        return self.outputs.get(name, 0) if self.alive else 0


class VirtualInstrument:
    """A rig whose boards are processes of this host.

    Parameters
    ----------
    rig : Rig
        A rig with ``port = "virtual"`` throughout.
    scenario : Scenario
        The world; kept from the host's procedures.
    seed : int
        Reproduces the run.
    interpreter : path
        MicroPython.
    flash_directory : path, optional
        Where the boards' flash is kept across runs; in memory otherwise.
    defects : sequence of Defect
        What is wrong with the boards; none by default.
    """

    def __init__(
        self,
        rig: Rig,
        scenario: Scenario,
        seed: int,
        interpreter: Path,
        flash_directory: Path | None = None,
        defects: Sequence[Defect] = (),
    ) -> None:
        if not rig.is_virtual:
            raise RigError(f"{rig.name}: not a virtual rig", 'set port = "virtual" for all boards')
        self.rig = rig
        self.block = 0
        self.plant = Plant(
            [PlantHead(h.name, h.position_m, h.axes, h.kind) for h in rig.heads],
            _windings(rig),
            scenario,
            seed,
            rig.table is not None,
        )
        self._inputs = PlantInputs.zeros(len(rig.heads), len(rig.driven))
        self.boards = [VirtualBoard(b.uid, b.role) for b in sorted(rig.boards, key=lambda b: b.uid)]
        self.by_uid = {board.uid: board for board in self.boards}
        self._definitions = {b.uid: b.definition for b in rig.boards}
        self._interpreter = interpreter
        self._flash_directory = flash_directory
        self._stock = frozenset(b.uid for b in rig.boards if b.image == "stock")
        self._coils = [
            (number, CoilWiring(seed, number, scenario.noise_enabled, self.now_s))
            for number, board in enumerate(self.boards)
            if board.role == "coil"
        ]
        self._table = TableWiring()
        self._make_sensors(seed, scenario.noise_enabled)
        self._make_others()
        self.watchers: list[Callable[[], None]] = []
        apply_defects(self, defects)

    def now_s(self) -> float:
        """Virtual time."""
        return self.block * BLOCK_S

    def parts_of(self, board: VirtualBoard) -> tuple[SensorWiring | CoilWiring | TableWiring, int]:
        """Parts of a board, for defects, and its row in their arrays."""
        if board.role == "sensor":
            return self._sensors, self._sensor_boards.index(board)
        for number, wiring in self._coils:
            if self.boards[number] is board:
                return wiring, 0
        return self._table, 0

    # ------------------------------------------------------------------ making

    def _process(self, board: VirtualBoard, devices: dict[str, Any]) -> None:
        path = None
        if self._flash_directory is not None:
            self._flash_directory.mkdir(parents=True, exist_ok=True)
            path = self._flash_directory / f"{board.uid}.flash"
        board.process = BoardProcess(
            board.uid,
            self._definitions[board.uid],
            self._interpreter,
            devices,
            Flash(path=path),
            is_stock=board.uid in self._stock,
        )
        board.inputs = InputLevels(board.process.input_bits)
        if "interlock" in board.inputs:
            board.inputs["interlock"] = 1

    def _make_sensors(self, seed: int, noise_enabled: bool) -> None:
        self._sensor_boards = [b for b in self.boards if b.role == "sensor"]
        slots = np.full((len(self._sensor_boards), 4), -1, dtype=np.int64)
        order = {h.name: i for i, h in enumerate(self.rig.heads)}
        for row, board in enumerate(self._sensor_boards):
            for head in self.rig.heads_of(board.uid):
                slots[row, head.slot] = order[head.name]
        definitions = [load_definition(self._definitions[b.uid]) for b in self._sensor_boards]
        self._sensors = SensorWiring(
            definitions, slots, seed, self.now_s, self.plant.outputs, noise_enabled
        )
        for row, board in enumerate(self._sensor_boards):
            self._process(board, self._sensors.devices[row])
            _attach(board, self._sensors.frames[row], self._sensors.words[row])
        self._enables_changed = True

    def _make_others(self) -> None:
        for number, wiring in self._coils:
            board = self.boards[number]
            for coil, placed in enumerate(self.rig.driven):
                if placed.board == board.uid:
                    wiring.coil_of[placed.channel] = coil
            degauss = self.rig.degauss
            if degauss is not None and degauss.board == board.uid:
                wiring.degauss_channel = degauss.channel
            wiring.pin = board.pin
            self._process(board, {**wiring.devices, "coil_adc": wiring.coil_adc})
            _attach(board, wiring.frames[0], wiring.words)
        self._table_board: VirtualBoard | None = None
        for board in self.boards:
            if board.role == "table":
                self._process(board, dict(self._table.devices))
                board.steps = lambda: self._table.steps
                self._table_board = board
            elif board.role == "bringup":
                self._process(board, {})

    # ------------------------------------------------------------------ running

    def power_on(self) -> None:
        """Start all boards and wait until each has ended its first block."""
        for board in self.boards:
            board.process.start()
        for board in self.boards:
            board.alive = True
            self._collect(board)

    def close(self) -> None:
        """Power off: processes end, whatever state they are in."""
        for board in self.boards:
            board.alive = False
            board.process.close()

    def __enter__(self) -> VirtualInstrument:
        self.power_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def step(self) -> None:
        """Advance everything by one block.

        The boards work on the block before while the plant computes the present one from what
        they put out in the block before that: the two blocks of latency of double buffering, and
        the reason why plant and boards may run at the same time.
        """
        due = [board for board in self.boards if board.is_due()]
        for board in due:
            if board.alive:
                self._send(board)
        self._drive()
        self.plant.step(self._inputs)
        self._sensors.convert(self.block)
        outputs = self.plant.outputs
        for _, wiring in self._coils:
            wiring.convert(self.block, outputs.room_coil_current_ma, outputs.room_coil_voltage_v)
        self.block += 1
        for board in due:
            if board.alive:
                self._collect(board)
        for watcher in self.watchers:
            watcher()

    def _send(self, board: VirtualBoard) -> None:
        link = b""
        if board.to_board:
            link = bytes(board.to_board[: exchange.LINK_BYTES_PER_BLOCK])
            del board.to_board[: len(link)]
        if board.frames is not None:
            board.tick.adc[:] = board.frames
        board.tick.fill(
            self.block - board.skipped_blocks, board.inputs.word, board.steps(), link,
            board.supply_mv, board.die_temperature_c,
        )  # fmt: skip
        try:
            board.process.send_tick(board.tick.message)
        except BoardLostError as error:
            self._lose(board, str(error))

    def _drive(self) -> None:
        if self._enables_changed:
            self._enables_changed = False
            boards = self._sensor_boards
            self._sensors.enable(
                alive=np.array([b.alive for b in boards], dtype=np.bool_),
                heaters=np.array([b.pin("heater_enable") for b in boards], dtype=np.bool_),
                lasers=np.array([b.pin("laser_enable") for b in boards], dtype=np.bool_),
                duty=np.array([np.frombuffer(b.duty, "<u2")[:4] for b in boards]).reshape(-1, 4)
                / 65535.0,
            )
        if self._sensor_boards:
            self._sensors.drive(self._inputs)
        for number, wiring in self._coils:
            is_on = bool(self.boards[number].pin("coil_enable"))
            wiring.drive(is_on, self._inputs.room_coil_current_ma)
            if wiring.degauss_channel >= 0:
                self._inputs.degauss_ma = wiring.degauss_ma()
        if self._table_board is not None:
            self._drive_table(self._table_board)

    def _drive_table(self, board: VirtualBoard) -> None:
        energised = bool(board.pin("motor_enable"))
        rate = float(board.step_rate) if board.alive else 0.0
        self._inputs.table_motor_energised = energised
        self._inputs.table_step_rate_hz = self._table.motor_rate_hz(rate) if energised else 0.0
        outputs = self.plant.outputs
        self._table.step(rate, outputs.table_load_share)
        self._inputs.table_current_share = self._table.current_share
        for name, level in (
            ("home", self._table.level("home", outputs.table_home_switch)),
            ("end", self._table.level("end", outputs.table_end_switch)),
            ("diag", self._table.diag),
        ):
            if name in board.inputs and board.inputs[name] != level:
                board.inputs[name] = level

    def _collect(self, board: VirtualBoard) -> None:
        try:
            tock = board.process.receive_tock()
        except BoardLostError as error:
            self._lose(board, str(error))
            return
        if tock is None:
            self._left(board)
            return
        if tock.posted:
            board.process.do_posted(tock.posted)
        if board.take(tock):
            self._enables_changed = True
        board.unfed_ms = 0 if tock.fed else board.unfed_ms + 1
        if tock.watchdog_ms and board.unfed_ms > tock.watchdog_ms:
            self.reset(board, RESET_WATCHDOG)
            return
        if tock.link and board.receiver is not None:
            board.receiver(tock.link)

    def reset(self, board: VirtualBoard, cause: int) -> None:
        """Reset a board: its outputs fall to their safe levels and it starts anew."""
        board.let_go()
        self._enables_changed = True
        board.unfed_ms = 0
        board.to_board.clear()
        board.process.start(cause)
        board.alive = True
        self._collect(board)

    def _left(self, board: VirtualBoard) -> None:
        if board.process.left == "reset":
            self.reset(board, RESET_WATCHDOG)
            return
        if board.process.left == "end":
            self._lose(board, board.process.last_words())
            return
        self._lose(board, f"virtual board {board.uid} stopped: {board.process.left}")

    def _lose(self, board: VirtualBoard, reason: str) -> None:
        board.alive = False
        board.reason = reason
        board.let_go()
        self._enables_changed = True
        board.process.stop()
        if board.on_lost is not None:
            board.on_lost(reason)


def _windings(rig: Rig) -> list[PlantCoil]:
    """What the plant is told of the coils, and of a standard's loops."""
    loops = () if rig.standard is None else rig.standard.loops
    return [
        *(PlantCoil(c.name, c.kind, c.nominal_nt_per_ma) for c in rig.coils),
        *(PlantCoil(w.name, w.kind, corners_m=w.corners_m, turns=w.turns) for w in loops),
    ]


def _attach(
    board: VirtualBoard, frames: npt.NDArray[np.int32], words: npt.NDArray[np.uint32]
) -> None:
    """Connect a board's blocks to the arrays of its wiring, by views."""
    board.frames = frames.reshape(-1)
    board.tick = exchange.TickBuffer(board.frames.size)
    board.words = words.reshape(-1)
