"""All scenarios, by the part of the configuration that they are about."""
