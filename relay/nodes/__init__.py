"""Connected desktops: the socket they arrive on, the registry routing reads, and how a desktop becomes a node."""
