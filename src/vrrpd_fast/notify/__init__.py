"""Tells scripts and FIFOs what happens to virtual routers: keepalived's words, and more for who wants it."""
