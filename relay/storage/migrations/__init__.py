"""How a database of any earlier version becomes one of this version: numbered steps, each frozen once released."""
