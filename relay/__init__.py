"""Nightjar Relay: one OpenAI-format endpoint in front of providers and of people's PCs.

This file imports nothing: the desktop passes through it on its way to `relay.wire`.
"""
