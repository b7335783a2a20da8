"""Clinical: which compound is tried in which study, joined from ClinicalTrials.gov and PubChem."""
