"""Watches what this PC is like: one value made of what many sources say, told when it changes."""
