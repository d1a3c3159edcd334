"""Model files on this PC."""
