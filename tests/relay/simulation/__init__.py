"""A relay's data plane in a world of its own: real core, real wire, real books; time, sockets and faults are played."""
