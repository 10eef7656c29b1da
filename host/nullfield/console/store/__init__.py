"""Studies, users and audit trail in a database."""
