"""The relay against nginx, both in front of the same mock provider: requests, streams, latency, memory, start."""
