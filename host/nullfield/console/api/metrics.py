"""``GET /metrics``: the state for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import func, select

from nullfield.console.access.depends import Operator
from nullfield.console.context import context_of
from nullfield.console.metrics import StateCollector, registry_of
from nullfield.console.store.database import Database
from nullfield.console.store.tables import ExamRow
from nullfield.errors import StoreError

router = APIRouter(tags=["metrics"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request, user: Operator) -> Response:
    """State and loss counters in Prometheus' text format; give the scraper a token."""
    context = context_of(request)
    collector = StateCollector(context.state.get, lambda: exams_by_state(context.database))
    return Response(generate_latest(registry_of(collector)), media_type=CONTENT_TYPE_LATEST)


def exams_by_state(database: Database) -> dict[str, int] | None:
    """Number of examinations in each state; None if the database does not answer."""
    try:
        with database.reading() as session:
            counted = session.execute(
                select(ExamRow.state, func.count()).group_by(ExamRow.state)
            ).all()
    except StoreError:
        return None
    return {str(state): int(count) for state, count in counted}
