"""The rig: a provider and a load generator in C, fast enough never to be what limits a benchmark."""
