"""What keepalived tells on signals, in its files, with its words (docs/KEEPALIVED.md says what differs)."""
