"""Interfaces by name, as they are at the moment of a check: one may have been made anew since the last."""

import socket


def index_of(name: str) -> int:
    """Its index; OSError when there is none of this name."""
    try:
        return socket.if_nametoindex(name)
    except OSError as error:
        raise OSError(error.errno, f"there is no interface {name}") from None


def name_of(ifindex: int) -> str:
    """Its name, for people."""
    try:
        return socket.if_indextoname(ifindex)
    except OSError:
        return f"interface {ifindex}"
