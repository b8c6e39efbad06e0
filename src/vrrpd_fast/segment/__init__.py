"""The stats segment as the daemon makes and fills it; observe/ reads it (docs/SEGMENT.md)."""
