"""The use case: one call from admission to settlement, whoever answers it. Knows no web framework and no socket."""
