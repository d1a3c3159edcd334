"""The human edge: server-rendered pages that work without JavaScript. Decides nothing that a service below decides."""
