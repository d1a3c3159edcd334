"""Our worker against llama-server, both on the same libraries, the same model and the same questions."""
