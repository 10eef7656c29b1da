"""Base of the database's tables."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Double, MetaData
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Tables of the console. Constraints have names, so that migrations can change them."""

    # Said here, since versions of SQLAlchemy differ in what a float is.
    type_annotation_map: ClassVar[dict[Any, Any]] = {float: Double()}
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
