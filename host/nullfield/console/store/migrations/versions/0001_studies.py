"""Subjects, exams and exam events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this form."""
    op.create_table(
        "subjects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(200), nullable=True),
        sa.Column("sex", sa.String(8), nullable=False),
        sa.Column("year_of_birth", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_subjects"),
        sa.UniqueConstraint("subject_id", name="uq_subjects_subject_id"),
    )
    op.create_table(
        "exams",
        sa.Column("exam_id", sa.String(16), nullable=False),
        sa.Column("subject_key", sa.Integer(), nullable=False),
        sa.Column("rig", sa.String(120), nullable=False),
        sa.Column("begun_by", sa.String(120), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("exam_id", name="pk_exams"),
        sa.ForeignKeyConstraint(
            ["subject_key"], ["subjects.id"], name="fk_exams_subject_key_subjects"
        ),
    )
    op.create_index("ix_exams_subject_key", "exams", ["subject_key"])
    op.create_index("ix_exams_begun_at", "exams", ["begun_at"])
    op.create_index("ix_exams_state", "exams", ["state"])
    op.create_table(
        "exam_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("exam_id", sa.String(16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("by", sa.String(120), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_exam_events"),
        sa.ForeignKeyConstraint(
            ["exam_id"], ["exams.exam_id"], name="fk_exam_events_exam_id_exams"
        ),
    )
    op.create_index("ix_exam_events_exam_id", "exam_events", ["exam_id"])


def downgrade() -> None:
    """Back to an empty database."""
    op.drop_table("exam_events")
    op.drop_table("exams")
    op.drop_table("subjects")
