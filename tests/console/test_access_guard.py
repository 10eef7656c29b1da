"""What every request passes: hosts, origins, headers; and where the server may be bound."""

from __future__ import annotations

from pathlib import Path

import pytest
from access_bench import BASE, PASSWORD, Bench, Browser
from starlette.websockets import WebSocketDisconnect

from nullfield.console.access.binding import check_binding, is_loopback
from nullfield.console.access.site import is_own_host, is_same_origin
from nullfield.errors import AccessError

LOOK, ACT = "/api/v1/look", "/api/v1/act"
CREDENTIALS = {"name": "kim", "password": PASSWORD}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def browser(bench: Bench) -> Browser:
    return bench.logged_in("kim")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", ""]
)
def test_a_foreign_name_that_points_here_is_refused(browser: Browser, host: str) -> None:
    answer = browser.get(LOOK, headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (400, "HostError")
    assert "--host-name" in answer.json()["hint"]
    with pytest.raises(WebSocketDisconnect), browser.socket(f"http://{host}", Host=host):
        pass


@pytest.mark.parametrize(
    "host", ["localhost:8080", "127.0.0.1", "[::1]:8080", "console.example", "Console.Example.:1"]
)
def test_own_names_are_served(browser: Browser, host: str) -> None:
    assert browser.get("/static/page.css", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:9999", "http://localhost:8080", "null"]
)
def test_a_page_of_another_site_changes_nothing(
    bench: Bench, browser: Browser, origin: str
) -> None:
    headers = {"Origin": origin, "X-CSRF-Token": browser.cookies["nullfield_csrf"]}
    answer = browser.post(ACT, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "OriginError")
    # Nor does it log its visitor in as somebody else.
    login = bench.client().post("/api/v1/login", json=CREDENTIALS, headers={"Origin": origin})
    assert login.status_code == 403
    assert "set-cookie" not in login.headers


def test_without_an_origin_the_referer_counts(browser: Browser) -> None:
    del browser.headers["Origin"]
    csrf = {"X-CSRF-Token": browser.cookies["nullfield_csrf"]}
    assert browser.post(ACT, headers=csrf).status_code == 403
    assert browser.post(ACT, headers={**csrf, "Referer": f"{BASE}/page"}).status_code == 200
    for referer in ("http://evil.example/", f"{BASE}.evil.example/"):
        assert browser.post(ACT, headers={**csrf, "Referer": referer}).status_code == 403


def test_a_token_without_origin_is_no_browser_but_a_browser_says_where_it_is_from(
    bench: Bench, browser: Browser
) -> None:
    text = browser.change("POST", "/api/v1/tokens", {"label": "a"}).json()["text"]
    program = bench.client()
    del program.headers["Origin"]
    bearer = {"Authorization": f"Bearer {text}"}
    assert program.post(ACT, headers=bearer).status_code == 200
    cross = {**bearer, "Sec-Fetch-Site": "cross-site"}
    assert program.post(ACT, headers=cross).status_code == 403


def test_answers_bind_the_browser(browser: Browser) -> None:
    for path in (LOOK, "/api/v1/manage", "/nowhere"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        for part in (
            "default-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ):
            assert part in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
    refused = browser.get(LOOK, headers={"Host": "evil.example"}).headers
    assert refused["cache-control"] == "no-store"
    assert "cache-control" not in browser.get("/static/page.css").headers


def test_a_report_runs_in_a_sandbox_apart_from_the_console(browser: Browser) -> None:
    policy = browser.get("/report").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    # The page of an examination shows it in a frame.
    assert "x-frame-options" not in browser.get("/report").headers


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "is_same"),
    [
        ("http://a:1", "a:1", "http", True),
        ("http://a", "a:80", "http", True),
        ("https://a", "a", "wss", True),
        ("https://a", "a", "http", True),
        ("https://A.", "a", "https", True),
        ("http://a", "a", "https", False),
        ("http://a:1", "a:2", "http", False),
        ("http://a", "b", "http", False),
        ("http://a:99999", "a", "http", False),
        ("http://a@b", "a", "http", False),
        ("file://a", "a", "http", False),
        ("", "a", "http", False),
        ("null", "null", "http", False),
    ],
)
def test_origin_and_host_are_compared(origin: str, host: str, scheme: str, is_same: bool) -> None:
    assert is_same_origin(origin, host, scheme) is is_same


@pytest.mark.parametrize(
    "host", ["", "a/b", "a@localhost", "localhost, evil", "localhost:x", "localhost:99999", "[::1"]
)
def test_a_host_header_that_is_none_is_refused(host: str) -> None:
    assert not is_own_host(host, "http", {"localhost", "::1"})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_on_loopback_nothing_more_is_asked(host: str) -> None:
    assert is_loopback(host)
    check_binding(host, has_tls=False, allow_insecure=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.7", "console.example"])
def test_open_to_a_network_only_encrypted_or_by_name(host: str) -> None:
    with pytest.raises(AccessError, match="without encryption") as caught:
        check_binding(host, has_tls=False, allow_insecure=False)
    for option in ("--certificate", "--key", "--insecure-http"):
        assert option in caught.value.hint
    check_binding(host, has_tls=True, allow_insecure=False)
    check_binding(host, has_tls=False, allow_insecure=True)
