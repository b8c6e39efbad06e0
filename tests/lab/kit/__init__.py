"""The lab: network namespaces, peers, captures and crafted packets for tests with real daemons."""
