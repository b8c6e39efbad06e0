"""Probes: checks that fork nothing, run by a helper process of their own beside the daemon."""
