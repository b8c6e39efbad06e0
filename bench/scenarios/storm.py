"""Takeovers larger than those of takeover.py, and one with IPv6, whose addresses the kernel adds slowly."""

from harness.shape import Shape
from scenarios.takeover import scenario

SCENARIOS = (
    scenario("storm-2000", "takeover: 2000 VRs @100 ms, 8 links", Shape(8, 250), in_quick=False),
    scenario("storm-4000", "takeover: 4000 VRs @100 ms, 16 links", Shape(16, 250), in_quick=False),
    scenario(
        "storm-ipv6",
        "takeover: 500 IPv6 VRs × 10 addresses @100 ms, 2 links",
        Shape(2, 250, addresses=10, ipv6=250),
        storm_s=15,
        in_quick=False,
    ),
)
