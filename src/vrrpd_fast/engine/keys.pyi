"""Internal to the state machine: only its C API (keys.pxd) is used."""
