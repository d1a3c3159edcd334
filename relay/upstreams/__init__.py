"""Anything that can stream a completion: providers over HTTP, nodes over their link."""
