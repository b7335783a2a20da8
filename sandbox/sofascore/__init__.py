"""A SofaScore of our own making, for tests and demonstrations: invented clubs, players and matches."""
