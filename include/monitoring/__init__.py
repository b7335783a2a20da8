"""Watching from outside the runs: what should have happened and did not, and how well it goes over time."""
