"""The console's pages as a server gives them: who sees what, in which language, under which policy."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from nullfield.console.pages import language
from nullfield.console.pages.routes import register_pages

PAGES = {
    "/": "operator",
    "/studies": "operator",
    "/studies/compare": "operator",
    "/studies/20260304-001": "operator",
    "/table": "operator",
    "/password": "operator",
    "/engineer": "engineer",
    "/users": "admin",
}
ROLES = ("operator", "engineer", "admin")


@dataclass(frozen=True)
class Person:
    name: str
    role: str


@dataclass(frozen=True)
class Visitor:
    user: Person
    must_change_password: bool = False


def client(visitor: Visitor | None) -> TestClient:
    app = FastAPI()

    def find(request: Request) -> Visitor | None:
        return visitor

    register_pages(app, find)
    return TestClient(app, follow_redirects=False)


def of_role(role: str) -> TestClient:
    return client(Visitor(Person("Rivera", role)))


class Elements(HTMLParser):
    """Tags with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("page", PAGES)
def test_page_renders_for_its_role(page: str) -> None:
    answer = of_role(PAGES[page]).get(page)
    assert answer.status_code == 200
    assert "<main" in answer.text


@pytest.mark.parametrize("page", PAGES)
def test_stranger_is_sent_to_the_login_and_back(page: str) -> None:
    answer = client(None).get(f"{page}?a=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={page}%3Fa%3D1"


@pytest.mark.parametrize(
    ("page", "role"),
    [(p, r) for p, least in PAGES.items() for r in ROLES[: ROLES.index(least)]],
)
def test_too_low_a_role_is_refused_in_words(page: str, role: str) -> None:
    answer = of_role(role).get(page)
    assert answer.status_code == 403
    assert f"&#39;{PAGES[page]}&#39;" in answer.text
    assert "Rivera" in answer.text


def test_navigation_shows_only_what_the_role_may_open() -> None:
    html = of_role("operator").get("/").text
    links = {attributes.get("href") for tag, attributes in Elements(html).found if tag == "a"}
    assert {"/", "/table", "/studies"} <= links
    assert not {"/engineer", "/users"} & links


def test_handed_out_password_must_be_changed_first() -> None:
    visitor = client(Visitor(Person("Rivera", "admin"), must_change_password=True))
    answer = visitor.get("/")
    assert answer.headers["location"] == "/password"
    assert "Your password was handed out" in visitor.get("/password").text
    assert "shell.js" not in visitor.get("/password").text
    assert "Your password was handed out" not in of_role("admin").get("/password").text


def test_name_of_a_user_is_text_not_markup() -> None:
    html = client(Visitor(Person("<script>x</script>", "operator"))).get("/").text
    assert "<script>x" not in html
    assert "&lt;script&gt;x" in html


def test_exam_id_of_the_address_is_text_not_markup() -> None:
    html = of_role("operator").get('/studies/"><script>x').text
    assert "<script>x" not in html


@pytest.mark.parametrize("page", [*PAGES, "/login"])
def test_policy_allows_nothing_from_outside_and_the_page_needs_nothing(page: str) -> None:
    answer = of_role("admin").get(page)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    for tag, attributes in Elements(answer.text).found:
        assert "style" not in attributes, (page, tag)
        assert not [name for name in attributes if name.startswith("on")], (page, tag, attributes)
        if tag in ("script", "img", "link"):
            source = attributes.get("src") or attributes.get("href")
            assert source is not None
            assert source.startswith("/static/"), (page, tag, source)
    assert "<style" not in answer.text


@pytest.mark.parametrize("page", [*PAGES, "/login"])
def test_every_asset_that_a_page_names_is_served(page: str) -> None:
    visitor = of_role("admin")
    for tag, attributes in Elements(visitor.get(page).text).found:
        source = attributes.get("src") or (attributes.get("href") if tag == "link" else None)
        if source is None:
            continue
        answer = visitor.get(source)
        assert answer.status_code == 200, source
        assert answer.headers["x-content-type-options"] == "nosniff"
        if source.endswith(".js"):
            assert "javascript" in answer.headers["content-type"]


@pytest.mark.parametrize("page", [*PAGES, "/login"])
def test_ids_are_unique_and_every_field_has_a_label(page: str) -> None:
    found = Elements(of_role("admin").get(page).text).found
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = {attributes.get("for") for tag, attributes in found if tag == "label"}
    wrapped = page_wrapped_boxes(found)
    for tag, attributes in found:
        if tag not in ("input", "select", "textarea") or "hidden" in attributes:
            continue
        name = attributes.get("id")
        assert name in labelled or "aria-label" in attributes or name in wrapped, (page, name)


def page_wrapped_boxes(found: list[tuple[str, dict[str, str | None]]]) -> set[str | None]:
    """Fields that stand inside their label: right behind its opening tag."""
    pairs = itertools.pairwise(found)
    return {inner.get("id") for (outer, _), (tag, inner) in pairs if outer == "label" and tag}


@pytest.mark.parametrize("page", [page for page in PAGES if page != "/password"])
def test_emergency_stop_stands_on_every_page(page: str) -> None:
    found = Elements(of_role("admin").get(page).text).found
    assert [1 for tag, a in found if tag == "button" and a.get("id") == "emergency-stop"]


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_language_of_the_cookie_is_the_language_of_the_page(code: str) -> None:
    visitor = of_role("operator")
    visitor.cookies.set("nullfield_lang", code)
    html = visitor.get("/").text
    assert f'<html lang="{code}"' in html
    assert language.translation(code).gettext("Start the examination") in html


def test_language_that_does_not_exist_falls_back_to_the_browser() -> None:
    visitor = of_role("operator")
    visitor.cookies.set("nullfield_lang", "../../etc")
    html = visitor.get("/", headers={"accept-language": "de,ja;q=0.5"}).text
    assert '<html lang="ja"' in html


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en;q=0.2, ja;q=0.9", "ja"),
        ("fr,de", "en"),
        ("ja;q=0", "en"),
        ("ja;q=nonsense", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_browser_language_is_taken_by_weight(header: str | None, expected: str) -> None:
    assert language.choose(None, header) == expected


def test_theme_of_the_cookie_is_used_and_an_unknown_one_is_not() -> None:
    visitor = of_role("operator")
    visitor.cookies.set("nullfield_theme", "room")
    assert 'data-theme="room"' in visitor.get("/").text
    visitor.cookies.clear()
    visitor.cookies.set("nullfield_theme", 'x" onload="y')
    assert 'data-theme="dark"' in visitor.get("/").text


def test_strings_for_scripts_are_served_by_language() -> None:
    visitor = client(None)
    assert visitor.get("/i18n/en.json").json()["messages"] == {}
    japanese = visitor.get("/i18n/ja.json").json()
    assert japanese["messages"]["Emergency stop"] == "非常停止"
    assert japanese["explanations"]["SUPPLY_LOW"]["happened"].startswith("基板の電源")
    assert visitor.get("/i18n/xx.json").status_code == 404


def test_touch_targets_are_large() -> None:
    css = client(None).get("/static/css/base.css").text
    rule = re.search(r"^button, \.button, input, select, textarea, summary \{([^}]*)\}", css, re.M)
    assert rule is not None
    assert "min-height: 44px" in rule.group(1)
