"""The assets by which DAGs tell each other of new versions.

They are names alone: a URI with a scheme makes Airflow import its providers, which doubles the time to parse a file.
"""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

DECIDED = AssetAlias("lastgood_decided")
"""Stands for the asset of whichever source an operator's decision gave another latest version."""


def asset_of(source: str) -> Asset:
    """The asset that a promotion of a source updates."""
    return Asset(f"lastgood_{source}")
