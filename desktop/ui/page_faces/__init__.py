"""Every state of the pages beyond Home, by name: what the gallery paints and the tests go through."""
