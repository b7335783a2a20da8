"""The one error of the sandbox."""

from __future__ import annotations


class SetupError(Exception):
    """The sandbox cannot be set up. The message is one clear sentence for the person at the terminal."""
