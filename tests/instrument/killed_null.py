"""Null the bench while everything is recorded; the test kills this process in between."""

import sys
from pathlib import Path

from nullfield.instrument.instrument import Instrument
from nullfield.instrument.null_room import null_room
from nullfield.instrument.record import recording_header
from nullfield.instrument.start_up import start_up
from nullfield.recording.writer import RecordingWriter
from nullfield.rig import load_rig
from nullfield.toolchain import ensure_micropython
from nullfield.virtual.clock import VirtualClock
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario
from nullfield.virtual.transport import VirtualTransport


def main() -> None:
    """Start, record, null; tell how many rows came at each step."""
    rig, _ = load_rig("bench4")
    with VirtualInstrument(rig, Scenario(), 1, ensure_micropython()) as world:
        clock = VirtualClock(world)
        with Instrument(
            rig, clock, lambda entry: VirtualTransport(world, entry.uid), 1000
        ) as instrument:
            instrument.stream(True)
            start_up(instrument)
            with RecordingWriter(Path(sys.argv[1]), recording_header(instrument)) as writer:
                for uid, board in instrument.boards.items():
                    board.link.subscribe(writer.frame_sink(uid))
                first = {uid: b.samples.next_index for uid, b in instrument.boards.items()}

                def tell(step: str, fraction: float, detail: str) -> None:
                    rows = [
                        b.samples.next_index - first[uid] for uid, b in instrument.boards.items()
                    ]
                    print(min(rows), detail, flush=True)

                null_room(instrument, tell)


if __name__ == "__main__":
    main()
