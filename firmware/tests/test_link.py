"""The link: requests answered once, garbage survived, a full ring counted."""

from boards import COIL
from fake_hal import FakeHal
from nullfield_fw import frame, wire
from nullfield_fw.link import Link, new_message
from reference import Random, decode_all, encode


class Handler:
    """Counts what it is asked and answers with an acknowledgement."""

    def __init__(self):
        self.link = None
        self.requests = []
        self.beats = 0
        self.answer = new_message(wire.ACKNOWLEDGE, wire.ACKNOWLEDGE_SIZE)

    def heartbeat(self, raw):
        self.beats += 1

    def request(self, message, raw, size):
        self.requests.append((message, bytes(raw[8 : 8 + size])))
        self.answer[8:12] = raw[8:12]
        self.answer[16] = len(self.requests)
        self.link.reply(self.answer, wire.ACKNOWLEDGE_SIZE)


def _link():
    hal = FakeHal(COIL)
    handler = Handler()
    handler.link = link = Link(hal, handler)
    return hal, handler, link


def _ping(request_id, message=wire.COMMAND_REQUEST, sequence=0):
    return encode(message, sequence, request_id.to_bytes(4, "little") + bytes(20))


def _poll(hal, link, data):
    for start in range(0, len(data), 200):
        hal.link_in_count = 0
        hal.put(bytearray(data[start : start + 200]))
        link.poll()
    hal.link_in_count = 0
    link.poll()
    return decode_all(hal.take())


def test_a_request_is_answered():
    hal, handler, link = _link()
    frames = _poll(hal, link, _ping(77))
    assert len(frames) == 1
    assert frames[0][0] == wire.ACKNOWLEDGE
    assert frames[0][2][:4] == b"\x4d\0\0\0"


def test_a_retry_is_answered_again_but_not_done_again():
    hal, handler, link = _link()
    first = _poll(hal, link, _ping(5))
    for sequence in (1, 2, 3):
        again = _poll(hal, link, _ping(5, sequence=sequence))
        assert again[0][2] == first[0][2], "the former answer"
        assert again[0][1] == sequence, "but a frame of its own"
    assert len(handler.requests) == 1
    _poll(hal, link, _ping(6))
    assert len(handler.requests) == 2


def test_the_same_id_of_another_message_is_another_request():
    hal, handler, link = _link()
    _poll(hal, link, _ping(5))
    _poll(hal, link, _ping(5, wire.SETTING_READ_REQUEST))
    assert [message for message, _ in handler.requests] == [
        wire.COMMAND_REQUEST,
        wire.SETTING_READ_REQUEST,
    ]


def test_time_requests_do_not_disturb_a_retry_and_are_always_asked_anew():
    hal, handler, link = _link()
    handler_request = handler.request

    def request(message, raw, size):
        if message == wire.TIME_REQUEST:
            handler.requests.append((message, b""))
        else:
            handler_request(message, raw, size)

    handler.request = request
    time_request = encode(wire.TIME_REQUEST, 0, b"\x05\0\0\0")
    _poll(hal, link, _ping(5))
    _poll(hal, link, time_request)
    _poll(hal, link, time_request)
    _poll(hal, link, _ping(5))
    assert [m for m, _ in handler.requests] == [5, wire.TIME_REQUEST, wire.TIME_REQUEST]


def test_heartbeats_reach_the_handler_unless_their_length_is_wrong():
    hal, handler, link = _link()
    _poll(
        hal, link, encode(wire.HEARTBEAT, 0, b"\x01\0\0\0") + encode(wire.HEARTBEAT, 1, b"\x01\0")
    )
    assert handler.beats == 1


def test_garbage_between_frames_is_counted_and_survived():
    random = Random(12)
    hal, handler, link = _link()
    data = b""
    for number in range(40):
        noise = bytes(random.between(1, 255) for _ in range(random.between(1, 60)))
        data += noise + b"\0" + _ping(1000 + number)
    answers = _poll(hal, link, data)
    assert len(handler.requests) == 40
    assert len(answers) == 40
    assert link.receive_errors == 40


def test_half_frames_are_counted_and_the_next_is_good():
    hal, handler, link = _link()
    for cut in range(2, len(_ping(9)) - 1):
        _poll(hal, link, _ping(9)[:cut] + b"\0" + _ping(2000 + cut))
        assert handler.requests[-1][1][:2] == (2000 + cut).to_bytes(2, "little"), cut
    assert link.receive_errors == len(_ping(9)) - 3


def test_an_endless_frame_is_one_error():
    hal, handler, link = _link()
    _poll(hal, link, b"\x55" * 5000 + b"\0" + _ping(3))
    assert link.receive_errors == 1
    assert len(handler.requests) == 1


def test_requests_too_short_for_an_id_are_dropped():
    hal, handler, link = _link()
    assert _poll(hal, link, encode(wire.COMMAND_REQUEST, 0, b"\x01\x02")) == []
    assert handler.requests == []


def test_a_full_ring_drops_whole_frames_and_counts_them():
    hal, handler, link = _link()
    hal.link_room = 0
    raw = new_message(wire.LOG, 500)
    accepted = 0
    while link.send(raw, 500):
        accepted += 1
    assert accepted == (frame.RING_SIZE - 1) // 515
    for _ in range(6):
        assert not link.send(raw, 500)
    assert link.dropped_frames == 7
    hal.link_room = 4096
    link.pump()
    link.pump()
    link.pump()
    frames = decode_all(hal.take())
    assert [sequence for _, sequence, _ in frames] == list(range(accepted)), "no number is wasted"
    assert link.send(raw, 500)


def test_a_slow_port_gets_every_byte_in_order():
    random = Random(13)
    hal, handler, link = _link()
    data = b""
    sent = 0
    for _ in range(600):
        if random.between(0, 2) == 0:
            raw = new_message(wire.LOG, 700)
            for i in range(700):
                raw[8 + i] = random.between(0, 3)
            sent += link.send(raw, random.between(12, 700))
        hal.link_room = random.between(0, 400)
        link.pump()
        data += hal.take()
    hal.link_room = 4096
    for _ in range(4):
        link.pump()
        data += hal.take()
    frames = decode_all(data)
    assert len(frames) == sent
    assert [f[1] for f in frames] == list(range(sent))


def test_sequences_count_each_message_by_itself():
    hal, handler, link = _link()
    log = new_message(wire.LOG, 20)
    fault = new_message(wire.FAULT, wire.FAULT_SIZE)
    for raw in (log, fault, log, log, fault):
        link.send(raw, 16)
    link.pump()
    got = [(message, sequence) for message, sequence, _ in decode_all(hal.take())]
    assert got == [(0x94, 0), (0x93, 0), (0x94, 1), (0x94, 2), (0x93, 1)]
