"""Whether this PC shares now, and why: pure functions of facts, with one fixed order of reasons.

`decision` decides, from what the owner wants (settings, `schedule`), what the PC is like (`desktop.system.conditions`)
and what happened lately (`lately`). `words` says it to people. Nothing here knows a clock or does I/O.
"""
