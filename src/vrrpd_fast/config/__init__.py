"""Configuration files to model.Config: native.load() for a daemon, native.check() for `--check`."""
