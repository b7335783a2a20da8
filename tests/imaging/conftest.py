"""Tests in `inside/` import what only the environment for imaging has; test_inside.py runs them there."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("pyuvdata") else ["inside"]
