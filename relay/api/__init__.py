"""The OpenAI-format edge: bytes in, bytes out."""
