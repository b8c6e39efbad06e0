"""For a word that stands where keepalived does not know it: where it would belong."""

from vrrpd_fast.config.addresses import EntryError, parse_address
from vrrpd_fast.config.conf.keyword import Block, Named, Repeated, Table
from vrrpd_fast.config.conf.keywords_top import TOP

# Words of blocks that are not read, because what they are for is not served.
_INNER = {
    "virtual_server": """
        delay_loop lb_algo lvs_sched lb_kind lvs_method persistence_timeout persistence_engine
        persistence_granularity protocol ha_suspend alpha omega quorum hysteresis quorum_up quorum_down
        ip_family sorry_server sorry_server_inhibit sorry_server_lvs_method connect_timeout retry
        delay_before_retry warmup inhibit_on_failure real_server virtualhost snmp_name ops hashed flag-1
        flag-2 flag-3 sh-port sh-fallback mh-port mh-fallback service_type
    """,
    "real_server": """
        uthreshold lthreshold notify_up notify_down HTTP_GET SSL_GET TCP_CHECK SMTP_CHECK DNS_CHECK
        MISC_CHECK BFD_CHECK UDP_CHECK PING_CHECK FILE_CHECK connect_ip connect_port bindto bind_if
        bind_port fwmark log_all_failures http_protocol fast_recovery url path digest status_code regex
        regex_no_match regex_options regex_stack regex_min_offset regex_max_offset enable_sni helo_name type
        name misc_path misc_timeout misc_dynamic payload require_reply min_reply_length max_reply_length
        dynamic
    """,
    "SSL": "password ca certificate key",
}


def elsewhere(word: str, table: Table) -> str:
    """Where a word of another block than that of `table` belongs, to follow "unknown keyword", or nothing."""
    if word.startswith(("//", "/*")):
        return "; a comment begins with # or !"
    if _is_address(word):
        return " in here: an address stands inside a block like virtual_ipaddress { }"
    place = _PLACES.get(word)
    if place is None:
        return ""
    if place == "":
        return f" in here: {word} stands outside of all blocks; is a closing brace missing before it?"
    if place in table:
        remedy = "; is a brace too many, or missing, before it?" if table is TOP else ""
        return f" in here: {word} stands inside the block {place} {{ }}{remedy}"
    return f" in here: {word} belongs into {place} {{ }}"


def _is_address(word: str) -> bool:
    try:
        parse_address(word.partition("/")[0])
    except EntryError:
        return False
    return True


def _collect(table: Table, block: str, found: dict[str, str]) -> dict[str, str]:
    for word, entry in table.items():
        found.setdefault(word, block)
        if isinstance(entry, Block | Named | Repeated):
            _collect(entry.table, word, found)
    return found


# Of two places the older block is meant: what vrrp_probe has in its blocks, keepalived has elsewhere.
_PLACES = _collect({word: TOP[word] for word in sorted(TOP, key="vrrp_probe".__eq__)}, "", {})
for _block, _words in _INNER.items():
    for _word in _words.split():
        _PLACES.setdefault(_word, _block)
