"""The console's pages: who may see which, in which language, and what they may load."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.types import Scope

from nullfield import __version__
from nullfield.analysis import RESEARCH_USE

from . import language
from .explanations import explained
from .policy import HEADERS
from .visitor import FindVisitor, Person, may

_FOLDER = Path(__file__).parent
THEMES = ("dark", "room", "light")
THEME_COOKIE = "nullfield_theme"

_environment = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"), autoescape=True, undefined=StrictUndefined
)


class _Assets(StaticFiles):
    """Static files that carry the same headers as the pages."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


def register_pages(app: FastAPI, find_visitor: FindVisitor | None = None) -> None:
    """Add the pages, their assets and their strings to the application.

    Parameters
    ----------
    app : FastAPI
        The console.
    find_visitor : callable, optional
        Finds the logged-in user of a request; the console's own guard by default.
    """
    if find_visitor is None:
        from nullfield.console.access.depends import visitor

        find_visitor = visitor
    app.include_router(page_router(find_visitor))
    app.mount("/static", _Assets(directory=_FOLDER / "static"), name="static")


def page_router(find_visitor: FindVisitor) -> APIRouter:
    """Routes of all pages."""
    router = APIRouter(include_in_schema=False)

    def page(request: Request, template: str, role: str, **values: Any) -> Response:
        visitor = find_visitor(request)
        if visitor is None:
            return RedirectResponse(f"/login?next={quote(_asked_for(request))}", status_code=303)
        if visitor.must_change_password and request.url.path != "/password":
            return RedirectResponse("/password", status_code=303)
        if not may(visitor.user, role):
            return _render(request, "refused.html", visitor.user, status=403, needed_role=role)
        return _render(request, template, visitor.user, **values)

    @router.get("/")
    def operator(request: Request) -> Response:
        return page(request, "operator.html", "operator")

    @router.get("/studies")
    def studies(request: Request) -> Response:
        return page(request, "studies.html", "operator")

    @router.get("/studies/compare")
    def compare(request: Request) -> Response:
        return page(request, "compare.html", "operator")

    @router.get("/studies/{exam_id}")
    def study(request: Request, exam_id: str) -> Response:
        return page(request, "study.html", "operator", exam_id=exam_id)

    @router.get("/table")
    def table(request: Request) -> Response:
        return page(request, "table.html", "operator")

    @router.get("/engineer")
    def engineer(request: Request) -> Response:
        return page(request, "engineer.html", "engineer")

    @router.get("/users")
    def users(request: Request) -> Response:
        return page(request, "users.html", "admin")

    @router.get("/password")
    def password(request: Request) -> Response:
        visitor = find_visitor(request)
        is_first = visitor is not None and visitor.must_change_password
        return page(request, "password.html", "operator", is_first=is_first)

    @router.get("/login")
    def login(request: Request) -> Response:
        return _render(request, "login.html", None)

    @router.get("/i18n/{name}.json")
    def strings(name: str) -> Response:
        if name not in language.LANGUAGES:
            return JSONResponse({"error": f"no language '{name}'"}, status_code=404)
        catalogue = language.translation(name)
        content = {
            "messages": language.messages(name),
            "explanations": explained(catalogue.gettext),
        }
        return JSONResponse(content, headers=dict(HEADERS))

    return router


def _asked_for(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _render(
    request: Request, template: str, visitor: Person | None, *, status: int = 200, **values: Any
) -> Response:
    chosen = language.choose(
        request.cookies.get(language.COOKIE), request.headers.get("accept-language")
    )
    theme = request.cookies.get(THEME_COOKIE, THEMES[0])
    html = _environment.get_template(template).render(
        _=language.translation(chosen).gettext,
        lang=chosen,
        languages=language.LANGUAGES,
        theme=theme if theme in THEMES else THEMES[0],
        visitor=visitor,
        may=may,
        path=request.url.path,
        version=__version__,
        research_use=RESEARCH_USE,
        **{"is_first": False, **values},
    )
    return HTMLResponse(html, status_code=status, headers=dict(HEADERS))
