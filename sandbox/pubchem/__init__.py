"""A sample PubChem: `server.SampleUpstream` in a test, `python -m sandbox.pubchem` in a shell."""
