"""Benchmarks against the best there is: nginx for the relay, llama-server for the engine.

Never timed tests: a machine's speed is no fact about the code. Each runs both sides in turns on the same cores, prints
every sample and the ratios of that run, and holds them against `goals.toml`.
"""
