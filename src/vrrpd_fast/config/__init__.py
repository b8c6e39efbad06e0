"""Configuration files to model.Config: load.load() for a daemon, load.check() for `--check`."""
