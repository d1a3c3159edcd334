"""Calls that were made before: retries by `Idempotency-Key`, answers given again, identical calls at once.

All of it stands between an edge's `Reply` and the call, as a `Reply` of its own; a call that asks for none of it never
comes here.
"""
