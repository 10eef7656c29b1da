"""The HTTP and WebSocket interface, one router a file."""
