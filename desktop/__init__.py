"""Nightjar Desktop: the tray application and the headless node. It sees nothing of `relay` but `relay.wire`."""
