"""What runs in the sandboxed process that reads untrusted films: nothing here is called by the server itself."""
