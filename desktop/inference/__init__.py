"""A model at work: the worker process, and the keeper that holds it alive. Knows nothing of relay, link or window."""
