"""What a source says of how its candidates become latest. It is handed in, since publishing knows no sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Approval = Literal["never", "warnings", "always"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Two rules of a source's spec (include/sources/source.py)."""

    merges: bool = False
    """Its candidates are never older than their base: one of an older data time has lost, it is not kept."""
    approval: Approval = "never"
    """Which of its candidates that passed wait for an operator: none, those with a warning, or each."""
