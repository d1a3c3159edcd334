"""The protocol, written down as transcripts: what each side says and what the other makes of it."""
