"""What two routers' configurations make of their virtual routers together (`vrrpctl diff`).

An error keeps a group from working: both become MASTER, or something is missing after a failover. A warning
is a surprise.
"""
