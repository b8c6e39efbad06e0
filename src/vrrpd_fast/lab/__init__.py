"""`vrrpctl lab`: two routers, a switch and a client in namespaces, without root or other programs."""
