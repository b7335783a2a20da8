"""ClinicalTrials.gov: every registered study, from API v2 (contract section A)."""
