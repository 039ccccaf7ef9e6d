"""A JSON-RPC proxy that misbehaves as nodes and providers do, for those who want to see what holds."""
