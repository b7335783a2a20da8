"""SofaScore: football matches, everything that is shown below a match, and what follows from it."""
