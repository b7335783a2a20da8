"""What comments say, of whom and how: entities, language, sentiment. Pure functions on Arrow tables, without storage.

`Enrichment(catalogue.load(), scorer)` and its `of(batch)` are the way in; docs/comments_enrichment.md is the manual.
"""

from include.sources.comments.enrich.catalogue import Catalogue, InvalidCatalogue, load
from include.sources.comments.enrich.discovery import (
    DISCOVERED,
    MENTIONS,
    REVIEW_QUEUE,
    REVIEWS,
    discovered,
    handles_of,
    review_queue,
)
from include.sources.comments.enrich.enrichment import (
    BATCH,
    SCORES,
    SIGNALS,
    Again,
    Enriched,
    Enrichment,
    affected,
    spread,
    spread_again,
)
from include.sources.comments.enrich.sentiment import LexiconScorer, Scorer, label_of

__all__ = [
    "BATCH",
    "DISCOVERED",
    "MENTIONS",
    "REVIEWS",
    "REVIEW_QUEUE",
    "SCORES",
    "SIGNALS",
    "Again",
    "Catalogue",
    "Enriched",
    "Enrichment",
    "InvalidCatalogue",
    "LexiconScorer",
    "Scorer",
    "affected",
    "discovered",
    "handles_of",
    "label_of",
    "load",
    "review_queue",
    "spread",
    "spread_again",
]
