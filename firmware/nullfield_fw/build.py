"""What this firmware is. The builders of bundles and images write the git revision in."""

VERSION = "0.2.0"
REVISION = "source"
