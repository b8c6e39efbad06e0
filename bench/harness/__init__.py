"""What all scenarios share: namespaces and links, the daemons, the bare C programs, time, figures."""
