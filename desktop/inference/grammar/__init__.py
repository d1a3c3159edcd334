"""What an answer must look like: JSON Schema and calls of tools as grammars that a model can be held to. Pure."""
