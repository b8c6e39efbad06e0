"""The same keepalived.conf under keepalived and under vrrpd-fast: both must look the same from outside."""
