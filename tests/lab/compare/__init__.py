"""The same keepalived.conf under keepalived and under vrrpd-fast: what the outside sees of both must agree."""
