"""Other engines on this PC (Ollama, LM Studio, llama-server, vLLM, any OpenAI-format server), behind the same port."""
