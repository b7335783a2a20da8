"""ClinicalTrials.gov: every registered study, from API v2 (docs/upstreams/ctgov.md)."""
