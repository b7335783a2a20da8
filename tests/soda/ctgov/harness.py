"""Runs the contracts of ctgov over Arrow tables, as the gate does over a candidate."""

from functools import partial

from tests.soda import harness

verify = partial(harness.verify, "ctgov")
hashed = partial(harness.hashed, "ctgov")
