"""Cold start: every head from off to ready. A head that fails does not hold the others up."""

from __future__ import annotations

from dataclasses import dataclass, field

from nullfield.errors import ProcedureError
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.measure_field import zero_heads
from nullfield.instrument.progress import Progress, silent
from nullfield_protocol.catalogue import FaultCode, HeadState

_STEPS = {
    HeadState.OFF: 0.0,
    HeadState.WARM_UP: 0.1,
    HeadState.LASER_ON: 0.5,
    HeadState.LOCK: 0.6,
    HeadState.FIELD_ZERO: 0.85,
    HeadState.READY: 1.0,
    HeadState.FAULT: 1.0,
}


@dataclass(frozen=True)
class StartUpResult:
    """What a cold start came to.

    Attributes
    ----------
    ready : tuple of str
        Heads that are ready.
    failed : dict of str to str
        Heads that are not, with the board's reason.
    duration_s : float
        By the instrument's clock.
    """

    ready: tuple[str, ...]
    failed: dict[str, str] = field(default_factory=dict)
    duration_s: float = 0.0


def start_up(
    instrument: Instrument,
    progress: Progress = silent,
    timeout_s: float = 240.0,
    minimum_ready: float = 0.5,
    zero_together: bool = True,
) -> StartUpResult:
    """Heat the cells, lock the lasers, zero the field at every head of the rig.

    Parameters
    ----------
    instrument : Instrument
    progress : Progress
    timeout_s : float
        Heads that are not ready by then count as failed.
    minimum_ready : float
        Share of the heads needed to go on.
    zero_together : bool
        Zero all heads once more when they are ready; needs the streams on.

    Raises
    ------
    ProcedureError
        If the rig has no heads, or fewer come up: naming the first and why.
    BoardFaultError, BoardLostError
        If a board as a whole fails.
    """
    rig = instrument.rig
    if not rig.heads:
        raise ProcedureError(f"rig {rig.name} has no heads", "list its heads in the rig file")
    began_s = instrument.clock.now_s()
    stood = {head.name for head in instrument.ready_heads()}
    for uid, board in instrument.sensors.items():
        slots = instrument.slots_of(uid, rig.heads)
        if slots:
            board.start(slots)

    def states() -> list[HeadState]:
        return list(instrument.head_states().values())

    def is_over() -> bool:
        return all(s in (HeadState.READY, HeadState.FAULT) for s in states())

    while not is_over() and instrument.clock.now_s() - began_s < timeout_s:
        now = states()
        done = sum(s == HeadState.READY for s in now)
        progress(
            "start",
            min((_mean([_STEPS[s] for s in now])), 0.99),
            f"{done}/{len(now)} heads ready, {_hottest(instrument):.0f} °C",
        )
        instrument.check()
        instrument.clock.wait(is_over, 0.5)
    instrument.check()
    ready, failed = [], {}
    for name, state in instrument.head_states().items():
        if state == HeadState.READY:
            ready.append(name)
        else:
            failed[name] = _reason(instrument, name, state)
    if len(ready) < minimum_ready * len(rig.heads) or not ready:
        first = next(iter(failed.items()))
        raise ProcedureError(
            f"only {len(ready)} of {len(rig.heads)} heads are ready; {first[0]}: {first[1]}",
            "check interlock, heaters and lasers; 'nullfield start --clear-faults' tries again",
        )
    if zero_together and set(ready) - stood:
        ready = _zero_together(instrument, ready, failed, progress)
    duration_s = instrument.clock.now_s() - began_s
    progress("start", 1.0, f"{len(ready)}/{len(rig.heads)} heads ready in {duration_s:.0f} s")
    return StartUpResult(tuple(ready), failed, duration_s)


def _zero_together(
    instrument: Instrument, ready: list[str], failed: dict[str, str], progress: Progress
) -> list[str]:
    """Zero all heads anew, now that none of their neighbours is still on its way.

    Each head finds its offsets in its first zero, while the coils of others move by tens of nT and
    reach over by a percent.
    """
    progress("start", 0.99, "zeroing all heads together")
    heads = tuple(h for h in instrument.rig.heads if h.name in ready)
    kept = {h.name for h in zero_heads(instrument, heads)}
    for head in heads:
        if head.name not in kept:
            failed[head.name] = _reason(instrument, head.name, instrument.head_states()[head.name])
    return [name for name in ready if name in kept]


def started_already(instrument: Instrument, minimum_ready: float = 0.5) -> StartUpResult | None:
    """What a start-up of before came to, if the heads still stand as it left them.

    Parameters
    ----------
    instrument : Instrument
    minimum_ready : float
        Share of the heads needed to go on.

    Returns
    -------
    StartUpResult or None
        None if a head is off or on its way, or too few are ready: then `start_up` is due.
    """
    states = instrument.head_states()
    ready = tuple(name for name, state in states.items() if state == HeadState.READY)
    failed = {
        name: _reason(instrument, name, state)
        for name, state in states.items()
        if state == HeadState.FAULT
    }
    is_whole = len(ready) + len(failed) == len(states)
    if not ready or not is_whole or len(ready) < minimum_ready * len(states):
        return None
    return StartUpResult(ready, failed)


def _mean(values: list[float]) -> float:
    return sum(values) / max(len(values), 1)


def _hottest(instrument: Instrument) -> float:
    temperatures = [
        float(b.telemetry.cell_temperature_c.max())
        for b in instrument.sensors.values()
        if b.telemetry is not None
    ]
    return max(temperatures, default=0.0)


def _reason(instrument: Instrument, name: str, state: HeadState) -> str:
    head = next(h for h in instrument.rig.heads if h.name == name)
    telemetry = instrument.sensors[head.board].telemetry
    if state == HeadState.FAULT and telemetry is not None:
        code = telemetry.head_fault[head.slot]
        return FaultCode(code).name.lower().replace("_", " ")
    return f"still in state {state.name.lower().replace('_', ' ')}"
