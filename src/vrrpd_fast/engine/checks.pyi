"""Internal to the state machine: only its C API (checks.pxd) is used."""
