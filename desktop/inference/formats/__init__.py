"""How families of models write what is more than text: thinking aloud, and calls of tools.

Each family is an incremental parser: text in, events out, the same events however the text is cut. Pure.
"""
