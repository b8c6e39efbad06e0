"""The flight recorder: what happened and why, as events in a file that outlives the daemon."""
