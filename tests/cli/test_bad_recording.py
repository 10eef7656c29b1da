"""Recordings that were cut, are none, or hold too little: a line of error, or what is whole."""

import json

import pytest
from fake_board import FakeBoard, StepClock

from nullfield.devices.connect import connect
from nullfield.recording.writer import RecordingWriter
from nullfield.rig import load_rig
from nullfield_protocol.catalogue import Role

ROLES = {"sensor": Role.SENSOR, "coil": Role.COIL}
VERBS = ("digest", "replay", "analyze", "export")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Three seconds of the small rig, with boards that send ramps."""
    rig, _ = load_rig("bench4")
    clock = StepClock()
    fakes = [FakeBoard(clock, ROLES[e.role], bytes.fromhex(e.uid)) for e in rig.boards]
    boards = [connect(fake, clock, name=fake.uid.hex()) for fake in fakes]
    path = tmp_path_factory.mktemp("whole") / "recording"
    header = {
        "rig": rig.model_dump(mode="json"),
        "boards": [board.description() for board in boards],
        "software": {"nullfield": "0"},
    }
    with RecordingWriter(path, header) as writer:
        for board in boards:
            board.link.subscribe(writer.frame_sink(board.uid))
            board.stream_start()
        clock.run(3.0)
    return path


def arguments(verb, recording, tmp_path):
    out = {
        "analyze": ["--out", tmp_path / "out"],
        "export": ["--to", "fif", "--out", tmp_path / "out_raw.fif"],
    }
    return [verb, recording, *out.get(verb, [])]


def data_of(whole):
    return (whole / "recording-0000.mcap").read_bytes()


def test_whole_recording_replays(nullfield, whole):
    outcome = nullfield("replay", whole, "--json")
    assert outcome.code == 0, outcome.err
    summary = json.loads(outcome.out)
    assert summary["truncated"] is False
    # The last block may still have been on the line.
    assert all(board["rows"] in (2996, 3000) for board in summary["boards"])


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("size", [0, 4, 8, 20, 100, 1000])
def test_cut_before_anything_can_be_read(verb, size, nullfield, whole, tmp_path):
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "recording-0000.mcap").write_bytes(data_of(whole)[:size])
    nullfield(*arguments(verb, cut, tmp_path)).assert_one_line_error(13, str(cut))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.77, 0.999])
def test_cut_later_gives_what_is_whole(share, nullfield, whole, tmp_path):
    data = data_of(whole)
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(data[: int(share * len(data))])
    outcome = nullfield("replay", cut, "--json")
    assert outcome.code == 0, outcome.err
    summary = json.loads(outcome.out)
    assert summary["truncated"] is True
    rows = [board["rows"] for board in summary["boards"]]
    assert all(0 < n <= 3000 for n in rows)
    for board in summary["boards"]:
        assert sum(board["lost"].values()) == 0
    outcome = nullfield("replay", cut)
    assert "the recording is truncated" in outcome.out
    assert len(nullfield("digest", cut).out.strip()) == 64


@pytest.mark.parametrize("back", [1, 7, 9, 30, 200])
def test_cut_in_the_summary_loses_no_row(back, nullfield, whole, tmp_path):
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(data_of(whole)[:-back])
    outcome = nullfield("replay", cut, "--json")
    assert outcome.code == 0, outcome.err
    summary = json.loads(outcome.out)
    assert summary["truncated"] is True
    complete = json.loads(nullfield("replay", whole, "--json").out)
    assert summary["boards"] == complete["boards"]


def test_damage_in_the_middle_ends_the_reading_there(nullfield, whole, tmp_path):
    data = bytearray(data_of(whole))
    middle = len(data) // 2
    # Longer than any record, so that it meets the head of one.
    data[middle : middle + 600] = b"\xff" * 600
    damaged = tmp_path / "damaged.mcap"
    damaged.write_bytes(data)
    outcome = nullfield("replay", damaged, "--json")
    assert outcome.code == 0, outcome.err
    summary = json.loads(outcome.out)
    assert summary["truncated"] is True
    assert 0 < summary["boards"][0]["rows"] < 3000


@pytest.mark.parametrize("verb", ["analyze", "export"])
def test_cut_recording_is_analysed_or_refused_in_one_line(verb, nullfield, whole, tmp_path):
    data = data_of(whole)
    cut = tmp_path / "cut.mcap"
    for share in (0.3, 0.999):
        cut.write_bytes(data[: int(share * len(data))])
        outcome = nullfield(*arguments(verb, cut, tmp_path))
        if outcome.code:
            outcome.assert_one_line_error(14)


@pytest.mark.parametrize("verb", VERBS)
def test_no_recording(verb, nullfield, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a recording, but long enough to be read as something " * 20)
    # Where files of other systems are read too, a text may be a table: then it is a bad file.
    code = 3 if verb in ("analyze", "export") else 13
    nullfield(*arguments(verb, text, tmp_path)).assert_one_line_error(code, "notes.txt")
    missing = tmp_path / "gone"
    nullfield(*arguments(verb, missing, tmp_path)).assert_one_line_error(13, "gone")
    empty = tmp_path / "empty"
    empty.mkdir()
    nullfield(*arguments(verb, empty, tmp_path)).assert_one_line_error(13, "empty")


def test_fif_that_is_none(nullfield, tmp_path):
    file = tmp_path / "subject_raw.fif"
    file.write_text("no FIF at all" * 30)
    outcome = nullfield("analyze", file, "--out", tmp_path / "out")
    outcome.assert_one_line_error(3, "subject_raw.fif")
    missing = tmp_path / "gone_raw.fif"
    nullfield("analyze", missing, "--out", tmp_path / "out").assert_one_line_error(
        3, "gone_raw.fif"
    )


def test_export_to_a_wrong_format_or_place(nullfield, whole, tmp_path):
    nullfield("export", whole, "--to", "wav").assert_one_line_error(3, "--to wav")
    outcome = nullfield("export", whole, "--out", tmp_path / "x.txt")
    outcome.assert_one_line_error(3, "x.txt")
    file = tmp_path / "file"
    file.write_text("x")
    outcome = nullfield("export", whole, "--out", file / "folder" / "x_raw.fif")
    outcome.assert_one_line_error(3, f"{file}: is a file")


def test_analysis_into_a_file(nullfield, whole, tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    nullfield("analyze", whole, "--out", file).assert_one_line_error(3, str(file))
