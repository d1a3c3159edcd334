"""What differs between operating systems: one file per concern. Knows nothing of relay, agent or Qt."""
