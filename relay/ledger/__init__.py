"""The books: what a call may cost, what it did cost, and who is paid for it, even when the process dies in between.

It knows money and the files and tables that hold it. It knows nothing of HTTP, nodes' sockets or providers' formats.
"""
