"""The keywords of vrrp_probe and of its kinds. keepalived has none of them."""

from vrrpd_fast.config.conf import values
from vrrpd_fast.config.conf.keyword import Block, Lines, Table, Value, Weight

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

HTTP: Table = {
    "address": Value(values.address),
    "port": Value(values.whole),
    "source": Value(values.address),
    "host": Value(values.text),
    "method": Value(values.text),
    "path": Value(values.text),
    "status": Value(values.line),
    "expect": Value(values.escaped),
    "matches": Value(values.text),
}

HTTPS: Table = {
    **HTTP,
    "verify": Value(values.boolean),
    "ca_file": Value(values.text),
    "certificate_days": Value(values.whole),
}

SYSTEMD: Table = {
    "unit": Value(values.text),
    "states": Lines(values.text, words=True),
}

ICMP: Table = {
    "address": Value(values.address),
    "interface": Value(values.text),
    "source": Value(values.address),
}

DNS: Table = {
    "server": Value(values.address),
    "port": Value(values.whole),
    "source": Value(values.address),
    "name": Value(values.text),
    "type": Value(values.text),
    "rcode": Value(values.text),
    "expect": Value(values.text),
}

PROCESS: Table = {
    "name": Value(values.text),
    "quorum": Value(values.whole),
}

ROUTE: Table = {
    "prefix": Value(values.address),
    "table": Value(values.whole_or_text),
    "to": Value(values.address),
    "source": Value(values.address),
    "via": Value(values.address),
    "dev": Value(values.text),
}

NEIGHBOUR: Table = {
    "address": Value(values.address),
    "interface": Value(values.text),
    "passive": Value(values.flag),
}

GATEWAY: Table = {
    "interface": Value(values.text),
    "address": Value(values.address),
    "family": Value(values.text),
    "table": Value(values.whole_or_text),
    "ask": Value(values.text),
}

VALUE: Table = {
    "file": Value(values.text),
    "sysctl": Value(values.text),
    "expect": Value(values.text),
}

VRRP_PROBE: Table = {
    "damping": Value(values.decimal),
    "interval": Value(values.decimal),
    "timeout": Value(values.decimal),
    "weight": Weight(),
    "rise": Value(values.whole),
    "fall": Value(values.whole),
    "init_fail": Value(values.flag),
    "tcp": Block(TCP),
    "unix": Block(UNIX),
    "http": Block(HTTP),
    "https": Block(HTTPS),
    "systemd": Block(SYSTEMD),
    "icmp": Block(ICMP),
    "dns": Block(DNS),
    "process": Block(PROCESS),
    "route": Block(ROUTE),
    "neighbour": Block(NEIGHBOUR),
    "gateway": Block(GATEWAY),
    "value": Block(VALUE),
}
