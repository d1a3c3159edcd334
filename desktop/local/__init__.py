"""A private relay as a child process: beside the app, or for `nightjar local`, whose node this PC is."""
