"""Lastgood's own computing: publishing, quality, upstream, sources. Pure Python, never imports Airflow."""

__version__ = "0.1.0"
