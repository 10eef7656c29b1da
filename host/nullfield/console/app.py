"""The application: routes, pages and sockets around one context."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from nullfield import __version__
from nullfield.console.access.guard import Guard
from nullfield.console.api import (
    access,
    calibration,
    commands,
    exam,
    fhir,
    live,
    metrics,
    settings,
    sockets,
    studies,
    table,
)
from nullfield.console.api.openapi import describe
from nullfield.console.api.problem import register_problems
from nullfield.console.context import ConsoleContext
from nullfield.console.pages.routes import register_pages

ROUTERS = (
    access.router,
    commands.router,
    exam.router,
    studies.router,
    live.router,
    fhir.router,
    metrics.router,
    table.router,
    settings.router,
    calibration.router,
    sockets.router,
)


def create_app(context: ConsoleContext, host_names: Iterable[str] = ()) -> FastAPI:
    """Make the application; its life starts and stops the engine.

    Parameters
    ----------
    context : ConsoleContext
    host_names : iterable of str
        Names under which browsers may ask for the console, beside the loopback ones.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        context.engine.start()
        try:
            yield
        finally:
            context.engine.stop()

    app = FastAPI(
        title="Nullfield console",
        version=__version__,
        lifespan=life,
        # The interactive pages load their scripts from outside; the description itself is here.
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.console = context
    register_problems(app)
    for router in ROUTERS:
        app.include_router(router)
    describe(app, ROUTERS)
    register_pages(app)
    app.add_middleware(Guard, host_names=host_names)
    return app
