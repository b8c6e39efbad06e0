"""vrrpd-fast: a VRRP daemon for Linux routers that carry hundreds to thousands of virtual routers."""

from importlib.metadata import version

__version__ = version("vrrpd-fast")
