"""Reads the grammar of keepalived.conf: text to statements with places. What words mean is not its job."""
