"""Reads reports back as a reader's program would: HTML by its tags, PDF by its text operators."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "img", "input", "br", "hr", "link"}


class Page(HTMLParser):
    """One HTML file, parsed strictly: what is opened has to be closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in {tag}"
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> inside {self.open[-1]}"
        self.open.pop()

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self.open[-1], data.strip()))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def words(self) -> str:
        shown = (text for tag, text in self.texts if tag not in ("style", "script", "title"))
        return " ".join(" ".join(shown).split())


def pdf_pages(data: bytes) -> list[str]:
    """Text of each page of an uncompressed PDF, by the character maps of its fonts."""
    text = data.decode("latin-1")
    objects = {
        int(number): body
        for number, body in re.findall(r"(?s)(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj", text)
    }
    fonts = {
        name: _characters(objects[_reference(objects[int(number)], "ToUnicode")])
        for name, number in re.findall(r"/(F\d+) (\d+) 0 R", text)
    }
    pages = []
    kids = next(body for body in objects.values() if "/Type /Pages" in body)
    for number in re.findall(r"(\d+) 0 R", kids[kids.index("/Kids") :]):
        content = objects[_reference(objects[int(number)], "Contents")]
        pages.append(" ".join(_shown(content, fonts)))
    return pages


def _reference(body: str, key: str) -> int:
    return int(re.search(rf"/{key} (\d+) 0 R", body).group(1))


def _characters(body: str) -> dict[int, str]:
    return {
        int(code, 16): bytes.fromhex(sign).decode("utf-16-be")
        for code, sign in re.findall(r"<([0-9A-F]{4})> <([0-9A-F]+)>", body)
    }


def _shown(content: str, fonts: dict[str, dict[int, str]]) -> list[str]:
    font: dict[int, str] = {}
    out = []
    pattern = r"(?s)/(F\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj"
    for name, raw in re.findall(pattern, content):
        if name:
            font = fonts[name]
            continue
        plain = re.sub(r"(?s)\\(.)", lambda one: {"r": "\r", "n": "\n"}.get(one[1], one[1]), raw)
        codes = plain.encode("latin-1")
        pairs = zip(codes[::2], codes[1::2], strict=True)
        out.append("".join(font.get(256 * high + low, "?") for high, low in pairs))
    return out
