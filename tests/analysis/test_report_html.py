"""The HTML report: order, access, what is absent, and what comes from outside."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_pages import Page
from simulated_heart import make_array, simulate

from nullfield.analysis import report
from nullfield.analysis.chain import analyze
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.analysis.features.feature import Feature
from nullfield.analysis.plots import write_plots
from nullfield.analysis.report import DISCLAIMER, render_report

ORDER = ["quality", "butterfly", "maps", "arrows", "source", "features", "beats", "settings"]
HOSTILE = "</title><script>alert('x')</script>\u202egnp.exe\x00\x1b[31m\ud800\"'&"
STEPS = (
    CleaningStep("mains", True, "50 Hz found", 23.14, None, {"frequency_hz": 50.02}),
    CleaningStep(
        "bad channels",
        True,
        "",
        None,
        None,
        {"bad": dict.fromkeys(["H1-x", "H2-x", "H3-x"], "dead"), "none": {}, "nothing": [None]},
    ),
    CleaningStep("field correction", False, "would remove the heart", 12.0, 0.031, {"order": 1}),
)
FEATURES = (
    Feature(
        "map_angle_T", -63.2, "deg", -64.1, -62.2, "of the map", "Park 2005", (-90.0, 20.0), "P"
    ),
    Feature("QT", None, "ms", None, None, "of the beat", "textbook", reason="no end of T"),
)
FACTS = {
    "subject": "S-1",
    "date": "2026-03-04T10:20:00",
    "residual_pt": {"before": 24000.0, "after": 35.0},
    "losses": {"link": 0, "host": 3},
    "dead_heads": ["H3 (no light)", "H4 (no light)"],
    "notes": [f"channel {number} left out" for number in range(20)],
    "settings": {"rig": {"name": "demo36"}},
}


@pytest.fixture(scope="module")
def heart():
    analysis = analyze(simulate(make_array(4, (0, 1), references=True), mains_pt=2.0).recording)
    return replace(analysis, cleaning=STEPS, features=FEATURES)


@pytest.fixture(scope="module")
def plots(heart, tmp_path_factory):
    directory = tmp_path_factory.mktemp("plots")
    found = write_plots(heart, directory, FACTS["residual_pt"])
    for name in ("series_QRS", "series_STT", "arrows_R", "arrows_T"):
        found[name] = found["butterfly"]
    frames = [Image.new("RGB", (40, 30), (60 * i, 10, 90)) for i in range(4)]
    found["timelapse"] = directory / "timelapse.gif"
    frames[0].save(found["timelapse"], save_all=True, append_images=frames[1:], duration=50)
    return found


@pytest.fixture(scope="module")
def page(heart, plots):
    return Page(render_report(heart, plots, FACTS))


def text_of(analysis, facts=None):
    return Page(render_report(analysis, {}, facts)).words()


def test_sections_stand_in_order_with_quality_first(page):
    sections = page.all("section")
    assert [one["id"] for one in sections] == ORDER
    headings = [tag for tag, _ in page.tags if tag in ("h1", "h2", "h3")]
    assert headings[:2] == ["h1", "h2"]
    assert headings.count("h1") == 1
    assert headings.count("h2") == len(ORDER)


def test_pictures_stand_in_order_with_texts_that_tell_values(page):
    shown = [one["id"] for one in page.all("figure") if "id" in one]
    wanted = ["noise", "residual", "butterfly", "series_QRS", "series_STT", "map_R", "map_T"]
    assert shown == [f"picture-{name}" for name in [*wanted, "arrows_R", "arrows_T", "beats"]]
    texts = {one["src"][:40]: one["alt"] for one in page.all("img")}
    assert all(len(text) > 10 for text in texts.values())
    alts = " ".join(one["alt"] for one in page.all("img"))
    assert re.search(r"Bz runs from −\d+\.?\d* to \d", alts)
    assert re.search(r"Median 1\d\.\d, worst channel \d+\.\d fT/√Hz", alts)
    assert "Before 24.00 nT, after 35 pT." in alts
    assert re.search(r"median interval 8\d\d ms", alts)


def test_every_reference_inside_the_page_leads_somewhere(page):
    identifiers = [one["id"] for _, one in page.tags if "id" in one]
    assert len(identifiers) == len(set(identifiers))
    for tag, one in page.tags:
        for key in ("aria-labelledby", "for"):
            assert one.get(key, identifiers[0]) in identifiers, tag
        if tag == "a":
            assert one["href"].removeprefix("#") in identifiers


def test_tables_have_captions_and_heads(page):
    tables, captions = page.all("table"), page.all("caption")
    assert len(tables) == len(captions) >= 8
    assert all(one.get("scope") in ("row", "col") for one in page.all("th"))


def test_nothing_is_fetched_from_elsewhere(heart, plots):
    text = render_report(heart, plots, FACTS)
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    assert not re.search(r"(https?:|//cdn|@import|url\()", text)


def test_research_use_stands_at_top_and_bottom(page):
    words = page.words()
    assert words.count(DISCLAIMER) == 2
    assert words.endswith(DISCLAIMER)
    assert words.index(DISCLAIMER) < words.index("At a glance")


def test_frames_of_the_time_lapse_wait_for_a_script(page):
    figure = next(one for one in page.all("figure") if one.get("class") == "frames")
    assert "hidden" in figure
    frames = [one for one in page.all("img") if "data-label" in one]
    assert len(frames) == 4
    assert ["hidden" in one for one in frames] == [False, True, True, True]
    slider = page.all("input")[0]
    assert (slider["min"], slider["max"], slider["type"]) == ("0", "3", "range")


def test_a_still_time_lapse_is_a_picture(heart, tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "one.gif")
    shown = Page(render_report(heart, {"timelapse": tmp_path / "one.gif"}))
    assert "picture-timelapse" in [one.get("id") for one in shown.all("figure")]
    assert not shown.all("input")
    assert not shown.all("script")


def test_cleaning_tells_what_was_refused_and_why(page):
    words = page.words()
    assert "mains applied 23.1 – 50 Hz found; frequency hz 50.02" in words
    assert "bad channels applied – – bad H1-x–H3-x: dead" in words
    assert "field correction not applied 12.0 3.1 would remove the heart; order 1" in words


def test_features_have_value_interval_range_and_source(page):
    words = page.words()
    assert "map angle T −63.20 −64.10 … −62.20 ° −90 … 20 P" in words
    assert "of the map Park 2005" in words
    assert "no end of T" in words


def test_heads_are_counted_once_and_by_reason(page):
    assert "Dead heads 2 of 20 no light: H3, H4" in page.words()


def test_many_notes_are_told_at_the_end(page):
    words = page.words()
    assert "… and 8 more, at the end of the report" in words
    assert words.index("channel 11 left out") < words.index("Averaged beat of all channels")
    assert words.index("channel 19 left out") > words.index("Where this comes from")


def test_hostile_names_are_only_text(heart, plots):
    facts = {key: HOSTILE for key in ("title", "subject", "date", "file", "software")}
    facts["notes"] = [HOSTILE]
    facts["dead_heads"] = [f"{HOSTILE} ({HOSTILE})"]
    facts["settings"] = {HOSTILE: {HOSTILE: HOSTILE}}
    facts["losses"] = {HOSTILE: 3}
    facts["residual_pt"] = {HOSTILE: 3.0}
    reasons = {HOSTILE: HOSTILE, "image": HOSTILE}
    text = render_report(replace(heart, reasons=reasons), {"residual": plots["residual"]}, facts)
    text.encode("utf-8")
    shown = Page(text)
    assert not shown.all("script")
    assert "alert('x')" in shown.words()
    assert not re.search("[\x00-\x08\x1b\u202e\ud800]", text)


def test_no_heart_gives_all_sections_with_reasons():
    analysis = analyze(simulate(make_array(2, (0, 1)), heart=False, duration_s=15.0).recording)
    shown = Page(render_report(analysis, {}))
    assert [one["id"] for one in shown.all("section")] == ORDER
    words = shown.words()
    why = analysis.reasons["beats"]
    for part in ("Averaged beat", "Maps", "Arrows", "Dipole", "Beat series"):
        assert f"{part}: not available: {why}" in words
    assert "Beats used 0 of 0" in words


def test_an_electric_lead_has_its_unit_and_no_map():
    nowhere = np.full((1, 3), np.nan)
    array = SensorArray(("MLII",), nowhere, nowhere, ("MLII",), np.zeros(1, int), np.zeros(1, bool))
    field = simulate(make_array(1, (0,)), duration_s=20.0).recording.field_pt * 20.0
    words = text_of(analyze(FieldRecording(field, 1000.0, array, unit="uV")))
    assert words.startswith("Electrocardiogram")
    assert "Least (µV)" in words
    assert "unknown an electric channel has no field noise" in words
    assert "Maps: not available: electric leads have no map" in words
    assert "fT/√Hz" not in words


def test_sixty_dead_heads_of_two_hundred_channels_are_one_line(heart):
    dead = np.arange(200) < 120
    quality = replace(
        heart.quality,
        bad_channels=dead,
        noise_ft_rthz=np.full(200, 18.0),
        missing_share=dead.astype(float),
        dead_heads=tuple(f"H{number}" for number in range(1, 61)),
    )
    words = text_of(
        replace(heart, array=make_array(10, (0, 1)), quality=quality, average=None, landmarks={})
    )
    assert "Dead heads 60 of 100 H1–H60" in words
    assert "Channels left out 120 of 200 all of H1–H60" in words


def test_what_the_recording_tells_is_used_where_the_caller_is_silent(heart):
    told = {"subject": "S-9", "date": "2025-01-02", "source": "rest.fif", "notes": ["no gains"]}
    words = text_of(replace(heart, metadata=told), {"subject": None})
    assert "S-9 · 2025-01-02" in words
    assert "File rest.fif" in words
    assert "no gains" in words


def test_a_picture_of_another_kind_is_no_part_of_the_report(heart, plots):
    shown = Page(render_report(heart, {"other": plots["noise"]}))
    assert [one["id"] for one in shown.all("figure")] == ["picture-beats"]


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_is_enough_on_light_and_dark_screens_and_in_print():
    css = (Path(report.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
    schemes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", one)) for one in css.split(":root")]
    schemes = [one for one in schemes if one]
    assert len(schemes) == 3
    for colours in schemes:
        for ink, paper in (
            *((name, "paper") for name in ("ink", "soft", "link", "mark")),
            ("ink", "mark-paper"),
        ):
            high, low = sorted((_luminance(colours[ink]), _luminance(colours[paper])), reverse=True)
            # WCAG 2.1, 1.4.3, level AA
            assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, colours)


def test_frames_beyond_sixty_are_thinned(tmp_path):
    from nullfield.analysis.report.document import Picture
    from nullfield.analysis.report.pictures import frames_of

    file = io.BytesIO()
    whole = [Image.new("RGB", (8, 8), (3 * i, 0, 0)) for i in range(80)]
    whole[0].save(file, format="GIF", save_all=True, append_images=whole[1:], duration=20)
    labels = tuple(f"{i} ms" for i in range(80))
    frames = frames_of(Picture("timelapse", file.getvalue(), "c", "a"), labels)
    assert len(frames.frames) == 40
    assert frames.labels == labels[::2]
    assert frames.start == 0
    named = tuple("R, 0 ms" if i == 12 else f"{i} ms" for i in range(80))
    assert frames_of(Picture("timelapse", file.getvalue(), "c", "a"), named).start == 6


def test_beats_that_were_left_out_are_told_by_kind(heart):
    accepted = np.ones(len(heart.beats.samples), bool)
    accepted[[3, 4]] = False
    beats = replace(heart.beats, accepted=accepted, artefacts=np.array([1234, 5678, 9012]))
    words = text_of(replace(heart, beats=beats))
    count = len(accepted)
    assert f"Beats used {count - 2} of {count + 3}" in words
    assert "Beats rejected 5 2 of another shape, 3 artefacts" in words


def test_landmarks_and_variability_have_times_and_reasons(heart):
    words = text_of(heart)
    assert "Heart-rate variability: 3" in words
    assert re.search(r"SDNN \d+\.\d+ ms", words)
    assert re.search(r"LF/HF – – \d+ s are too short, 120 s are needed", words)
    assert re.search(r"QRS onset −\d\d ms", words)
    assert words.index("P onset −") < words.index("QRS onset −") < words.index("T offset +")


def test_moving_dipole_and_source_image_are_told_in_numbers(heart):
    from nullfield.analysis.sources.distributed import image_minimum_norm
    from nullfield.analysis.sources.moving_dipole import fit_moving_dipole

    moving = fit_moving_dipole(heart.average, heart.array, (-0.02, 0.02), step_s=0.01)
    image = image_minimum_norm(heart.landmarks["R"].field_pt, heart.array)
    words = text_of(replace(heart, moving_dipole=moving, image=image))
    assert f"Moving dipole: {len(moving.time_s)} of {len(moving.time_s)} moments shown" in words
    assert "0 10, 10, −60 " in words
    assert "Method minimum norm, half-space" in words
    assert f"{len(image.vertices_m)} vertices" in words
    assert re.search(r"Largest density \S+ A/m", words)


def test_a_moving_dipole_without_one_fit_says_why(heart):
    from nullfield.analysis.sources.moving_dipole import MovingDipole

    empty = MovingDipole(np.array([0.0, 0.01]), (None, None), ("too few heads", "too few heads"))
    words = text_of(replace(heart, moving_dipole=empty))
    assert "Moving dipole: not available: too few heads" in words
