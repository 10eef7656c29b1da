"""Index continuity, gaps by cause, wrap, bounded memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nullfield.devices.samples import SampleStream
from nullfield_protocol.codec import build, row_dtype
from nullfield_protocol.frame import Frame
from nullfield_protocol.messages import MessageId

MESSAGE = MessageId.TABLE_SAMPLES


def frame(index, sequence, dropped=0, count=4, time_us=None):
    rows = np.zeros(count, row_dtype(MESSAGE))
    rows["position_um"] = (index + np.arange(count)) % 2**31
    payload = build(
        MESSAGE, board_time_us=index * 1000 if time_us is None else time_us,
        sample_index=index % 2**32, dropped_rows=dropped, row_period_us=1000, row_count=count,
        rows=[],
    )  # fmt: skip
    return Frame(MESSAGE, 0, sequence, payload + rows.tobytes())


def stream(*frames, **options):
    result = SampleStream(MESSAGE, **options)
    for number, one in enumerate(frames):
        result.take(one, float(number))
    return result


def test_continuous():
    one = stream(*[frame(4 * k, k) for k in range(5)])
    assert one.gaps == []
    assert np.array_equal(one.all().index, np.arange(20))
    assert np.array_equal(one.window(6).rows["position_um"], np.arange(14, 20))
    assert np.array_equal(one.since(17).index, [17, 18, 19])
    assert np.array_equal(one.all().board_time_us, np.arange(20) * 1000)


@pytest.mark.parametrize(
    ("sequence", "dropped", "gaps"),
    [
        (3, 0, [(4, 12, "link")]),
        (1, 8, [(4, 12, "board_queue")]),
        (1, 0, [(4, 12, "board_blocks")]),
        (2, 4, [(4, 8, "board_queue"), (8, 12, "link")]),
    ],
)
def test_gap_has_a_cause(sequence, dropped, gaps):
    one = stream(frame(0, 0), frame(12, sequence, dropped))
    assert [(g.start, g.stop, g.cause) for g in one.gaps] == gaps
    assert len(one.all()) == 8
    assert np.array_equal(one.window(6).index, [12, 13, 14, 15])


def test_index_and_sequence_wrap():
    start = 2**32 - 6
    one = stream(frame(start, 2**32 - 1), frame(start + 4, 0), frame(start + 12, 2))
    assert list(one.all().index[:8]) == list(range(start, start + 8))
    assert [(g.start, g.stop, g.cause) for g in one.gaps] == [(start + 8, start + 12, "link")]


def test_a_block_twice_is_taken_once():
    one = stream(frame(0, 0), frame(4, 1), frame(4, 1))
    assert len(one.all()) == 8
    assert one.refused_blocks == 1
    assert one.restarts == 0


def test_restart_of_the_count():
    one = stream(frame(1000, 5), frame(0, 0, time_us=99), frame(4, 1, time_us=4099))
    assert one.restarts == 1
    assert np.array_equal(one.all().index, np.arange(8))


def test_memory_is_bounded():
    one = stream(*[frame(4 * k, k) for k in range(100)], capacity_rows=10)
    assert 10 <= len(one.all()) <= 13
    assert one.received_rows == 400
    assert one.window(10).index[-1] == 399


def test_empty_and_foreign():
    one = stream()
    assert len(one.all()) == len(one.window(5)) == len(one.since(0)) == 0
    one.take(Frame(MessageId.COIL_SAMPLES, 0, 0, b""), 0.0)
    one.take(Frame(MESSAGE, 0, 0, b"short"), 0.0)
    assert one.refused_blocks == 1
    assert one.next_index is None


def test_clear_keeps_the_index():
    one = stream(frame(0, 0), frame(8, 1))
    one.clear()
    assert one.gaps == []
    assert one.next_index == 12
    assert len(one.all()) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["ok", "lost", "queue"]), min_size=1, max_size=40))
def test_rows_and_gaps_account_for_every_index(fates):
    one = SampleStream(MESSAGE)
    one.take(frame(0, 0), 0.0)
    index, sequence, dropped, rows = 4, 1, 0, 4
    lost = {"link": 0, "board_queue": 0, "board_blocks": 0}
    pending = dict.fromkeys(lost, 0)
    for fate in fates:
        if fate == "queue":
            dropped += 4
            pending["board_queue"] += 4
        else:
            if fate == "ok":
                one.take(frame(index, sequence, dropped), 0.0)
                rows += 4
                for cause, count in pending.items():
                    lost[cause] += count
                pending = dict.fromkeys(lost, 0)
            else:
                pending["link"] += 4
            sequence += 1
        index += 4
    assert one.lost_rows() == lost
    assert len(one.all()) == rows
    assert one.next_index == rows + sum(lost.values())
