"""Internal to the state machine: only its C API (phases.pxd) is used."""
