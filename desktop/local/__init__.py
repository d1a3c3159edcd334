"""`nightjar local`: a private relay as a child process, and this PC as its node. Needs no import of the relay."""
