"""The console's state as metrics for Prometheus: what each is called, and its value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

PHASES = ("connecting", "off", "busy", "standby", "question", "fault", "lost")
AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Family:
    """What a metric is.

    Attributes
    ----------
    name : str
        By Prometheus' convention: base unit last, ``_total`` for a counter.
    kind : str
    labels : tuple of str
    text : str
        One sentence, shown with the metric and in the documentation.
    """

    name: str
    kind: Literal["gauge", "counter"]
    labels: tuple[str, ...]
    text: str


FAMILIES = (
    Family("nullfield_build_info", "gauge", ("version",), "Version of Nullfield; always 1."),
    Family("nullfield_is_virtual", "gauge", (), "1 if the boards are simulated."),
    Family("nullfield_phase", "gauge", ("phase",), "1 for the phase the instrument is in."),
    Family("nullfield_viewers", "gauge", (), "Open screens."),
    Family("nullfield_control_held", "gauge", (), "1 if somebody has the control."),
    Family("nullfield_job_running", "gauge", ("job",), "1 while this procedure runs."),
    Family("nullfield_job_beats", "gauge", (), "Heartbeats recorded by the running examination."),
    Family("nullfield_heads", "gauge", ("state",), "Sensor heads in this state."),
    Family("nullfield_head_ready", "gauge", ("head", "board", "kind"), "1 if the head measures."),
    Family("nullfield_head_fault", "gauge", ("head", "fault"), "1 for the fault the head is in."),
    Family(
        "nullfield_head_cell_temperature_celsius", "gauge", ("head",), "Temperature of the cell."
    ),
    Family(
        "nullfield_head_laser_temperature_celsius", "gauge", ("head",), "Temperature of the laser."
    ),
    Family("nullfield_head_field_tesla", "gauge", ("head", "axis"), "Mean of the newest samples."),
    Family(
        "nullfield_head_noise_tesla_per_root_hertz",
        "gauge",
        ("head",),
        "Noise density between heartbeats.",
    ),
    Family("nullfield_coil_current_amperes", "gauge", ("coil", "board"), "Current, read back."),
    Family("nullfield_coil_current_limit_amperes", "gauge", ("coil", "board"), "Largest allowed."),
    Family("nullfield_null_field_tesla", "gauge", ("when",), "RMS before and after nulling."),
    Family("nullfield_null_age_seconds", "gauge", (), "Time since the room was nulled."),
    Family("nullfield_table_position_meters", "gauge", (), "Position of the patient table."),
    Family("nullfield_table_target_meters", "gauge", (), "Where the table is going."),
    Family("nullfield_table_speed_meters_per_second", "gauge", (), "Speed of the table."),
    Family("nullfield_table_motor_energised", "gauge", (), "1 while the motor has current."),
    Family(
        "nullfield_board_info", "gauge", ("board", "role", "name"), "A board that is connected."
    ),
    Family("nullfield_board_fault", "gauge", ("board",), "1 if the board has latched a fault."),
    Family("nullfield_board_load_ratio", "gauge", ("board",), "Share of a block's time in use."),
    Family("nullfield_board_heap_free_bytes", "gauge", ("board",), "Free memory of the board."),
    Family(
        "nullfield_rows_received_total",
        "counter",
        ("board",),
        "Rows of samples since the board was connected.",
    ),
    Family(
        "nullfield_rows_lost_total",
        "counter",
        ("board", "cause"),
        "Rows of samples that are missing, by cause, since the board was connected.",
    ),
    Family("nullfield_exams", "gauge", ("state",), "Examinations in the database by state."),
    Family("nullfield_database_up", "gauge", (), "1 if the database answered."),
)
"""Every metric, in the order of the answer."""

_BY_NAME = {family.name: family for family in FAMILIES}


class StateCollector(Collector):
    """Reads the state when it is asked, so that nothing runs between scrapes.

    A number that is not known gives no sample: Prometheus shows a gap, not a zero.

    Parameters
    ----------
    state : callable
        Gives the console's state, as ``GET /api/v1/status`` does.
    exams_by_state : callable
        Gives the number of examinations in each state, or None if the database does not answer.
    """

    def __init__(
        self,
        state: Callable[[], Mapping[str, Any]],
        exams_by_state: Callable[[], Mapping[str, int] | None],
    ) -> None:
        self._state = state
        self._exams_by_state = exams_by_state

    def collect(self) -> Iterable[Metric]:
        """All families that have a value now."""
        samples = _Samples()
        _add_console(samples, self._state())
        exams = self._exams_by_state()
        samples.add("nullfield_database_up", 0 if exams is None else 1)
        for name, count in sorted((exams or {}).items()):
            samples.add("nullfield_exams", count, name)
        return samples.families()


def registry_of(collector: Collector) -> CollectorRegistry:
    """A registry with this collector only: nothing of the process is told by accident."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry


class _Samples:
    def __init__(self) -> None:
        self._families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}

    def add(self, name: str, value: float | None, *labels: str, scale: float = 1.0) -> None:
        if value is None:
            return
        family = self._families.get(name)
        if family is None:
            one = _BY_NAME[name]
            make = CounterMetricFamily if one.kind == "counter" else GaugeMetricFamily
            family = self._families[name] = make(name, one.text, labels=one.labels)
        family.add_metric(list(labels), float(value) * scale)

    def families(self) -> list[Metric]:
        return [self._families[name] for name in _BY_NAME if name in self._families]


def _add_console(samples: _Samples, state: Mapping[str, Any]) -> None:
    samples.add("nullfield_build_info", 1, state["software"])
    samples.add("nullfield_is_virtual", state["is_virtual"])
    for phase in PHASES:
        samples.add("nullfield_phase", phase == state["phase"], phase)
    samples.add("nullfield_viewers", state["viewers"])
    samples.add("nullfield_control_held", state["control"]["holder"] is not None)
    job = state["job"]
    if job is not None and job["state"] == "running":
        samples.add("nullfield_job_running", 1, job["name"])
        samples.add("nullfield_job_beats", job.get("beats"))
    _add_heads(samples, state["heads"])
    for coil in state["coils"]:
        labels = (coil["name"], coil["board"])
        samples.add("nullfield_coil_current_amperes", coil["current_ma"], *labels, scale=1e-3)
        samples.add("nullfield_coil_current_limit_amperes", coil["limit_ma"], *labels, scale=1e-3)
    null = state["null"]
    if null is not None:
        samples.add("nullfield_null_field_tesla", null["before_rms_pt"], "before", scale=1e-12)
        samples.add("nullfield_null_field_tesla", null["after_rms_pt"], "after", scale=1e-12)
        samples.add("nullfield_null_age_seconds", null["age_s"])
    table = state["table"]
    if table is not None:
        samples.add("nullfield_table_position_meters", table["position_mm"], scale=1e-3)
        samples.add("nullfield_table_target_meters", table["target_mm"], scale=1e-3)
        samples.add("nullfield_table_speed_meters_per_second", table["speed_mm_s"], scale=1e-3)
        samples.add("nullfield_table_motor_energised", table["is_energised"])
    _add_boards(samples, state["boards"])


def _add_heads(samples: _Samples, heads: Iterable[Mapping[str, Any]]) -> None:
    by_state: dict[str, int] = {}
    for head in heads:
        name = head["name"]
        by_state[head["state"]] = by_state.get(head["state"], 0) + 1
        ready = head["state"] == "READY"
        samples.add("nullfield_head_ready", ready, name, head["board"], head["kind"])
        if head["fault"] is not None:
            samples.add("nullfield_head_fault", 1, name, head["fault"])
        samples.add("nullfield_head_cell_temperature_celsius", head["cell_temperature_c"], name)
        samples.add("nullfield_head_laser_temperature_celsius", head["laser_temperature_c"], name)
        for axis, field_pt in zip(AXES, head["field_pt"] or (), strict=False):
            samples.add("nullfield_head_field_tesla", field_pt, name, axis, scale=1e-12)
        samples.add(
            "nullfield_head_noise_tesla_per_root_hertz", head["noise_ft_rthz"], name, scale=1e-15
        )
    for state, count in sorted(by_state.items()):
        samples.add("nullfield_heads", count, state)


def _add_boards(samples: _Samples, boards: Iterable[Mapping[str, Any]]) -> None:
    for board in boards:
        uid = board["uid"]
        samples.add("nullfield_board_info", 1, uid, board["role"], board["name"])
        samples.add("nullfield_board_fault", board["fault"] is not None, uid)
        samples.add("nullfield_board_load_ratio", board["load"], uid)
        samples.add("nullfield_board_heap_free_bytes", board["heap_free_bytes"], uid)
        samples.add("nullfield_rows_received_total", board.get("received_rows"), uid)
        for cause, rows in board["lost_rows"].items():
            samples.add("nullfield_rows_lost_total", rows, uid, cause)
