"""PubChem: compounds with clinical trials, their trials in three registries, and what names resolve to."""
