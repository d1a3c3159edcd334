"""The language between relay and node: sans-I/O, used by both ends, knowing neither sockets nor clocks."""
