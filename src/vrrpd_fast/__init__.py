"""vrrpd-fast: a VRRP daemon for Linux routers that carry hundreds to thousands of virtual routers."""

__version__: str


def __getattr__(name: str) -> str:
    """`__version__` on demand: importlib.metadata takes 80 ms that vrrpctl should not pay at every start."""
    if name == "__version__":
        from importlib.metadata import version

        return version("vrrpd-fast")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
