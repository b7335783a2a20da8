"""A sample ClinicalTrials.gov: `server.SampleUpstream` in a test, `python -m sandbox.ctgov` in a shell."""
