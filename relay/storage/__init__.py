"""Where the relay keeps what must outlive it: the database, its tables and how they came to be.

It knows SQL and threads. It knows nothing of keys, nodes, calls or money beyond the shape of their rows.
"""
