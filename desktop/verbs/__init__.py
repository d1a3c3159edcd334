"""Verbs of the command line that need no running agent: models on this PC, and what the relay tells its owner."""
