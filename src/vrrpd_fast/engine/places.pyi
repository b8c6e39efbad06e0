"""Internal to the state machine: only its C API (places.pxd) is used."""
