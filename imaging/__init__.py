"""Images of DSA-110 data: sub-band files in, calibrated tiles and mosaics out, one process for each.

`python -m imaging JOB.json` runs in an environment of its own (requirements-imaging.txt), which the worker never
imports. What both sides know of each other stands in include/sources/dsa110/jobs.py.
"""
