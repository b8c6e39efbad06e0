"""The keywords of vrrp_probe and of its kinds. keepalived has none of them."""

from vrrpd_fast.config.conf import values
from vrrpd_fast.config.conf.keyword import Block, Table, Value, Weight

TCP: Table = {
    "address": Value(values.address),
    "port": Value(values.whole),
    "source": Value(values.address),
    "send": Value(values.escaped),
    "expect": Value(values.escaped),
}

UNIX: Table = {
    "path": Value(values.text),
    "send": Value(values.escaped),
    "expect": Value(values.escaped),
}

VRRP_PROBE: Table = {
    "interval": Value(values.decimal),
    "timeout": Value(values.decimal),
    "weight": Weight(),
    "rise": Value(values.whole),
    "fall": Value(values.whole),
    "init_fail": Value(values.flag),
    "tcp": Block(TCP),
    "unix": Block(UNIX),
}
