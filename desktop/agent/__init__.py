"""The agent: enrols this PC, keeps the link to the relay, serves calls. asyncio, no Qt; `--headless` is it alone."""
