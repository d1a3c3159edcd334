"""What people do without touching anything: films, calls, presentations, games. One file a system."""
