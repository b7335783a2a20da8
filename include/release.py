"""What runs here: the release with its commit, and the name of the deployment."""

from __future__ import annotations

import os

from include import __version__

UNNAMED = "unnamed"
"""A deployment without LASTGOOD_ENV."""


def code_version() -> str:
    """The release, and the commit where the deployment names it in LASTGOOD_COMMIT."""
    commit = os.environ.get("LASTGOOD_COMMIT", "")
    return f"{__version__}+{commit[:12]}" if commit else __version__


def environment() -> str:
    """What this deployment is called (LASTGOOD_ENV)."""
    return os.environ.get("LASTGOOD_ENV") or UNNAMED
