"""Reads the grammar of keepalived.conf: text to statements with places. What the words mean is not its job."""
