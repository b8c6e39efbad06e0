"""Words of keepalived that are no keys of this file form, told apart from typos by the tables of conf."""

from collections.abc import Collection

from vrrpd_fast.config import schema
from vrrpd_fast.config.conf.keyword import Grammar, Named, Refused, Table, Unserved, Value
from vrrpd_fast.config.conf.keywords_global import GLOBAL_DEFS
from vrrpd_fast.config.conf.keywords_group import VRRP_SYNC_GROUP
from vrrpd_fast.config.conf.keywords_instance import VRRP_INSTANCE
from vrrpd_fast.config.conf.keywords_top import TOP

_ADDRESS: Table = {
    "use_vmac": Refused("the address would stand on another interface"),
    "track_group": Unserved("it is for static addresses, which are not served"),
}

_TABLES: dict[type, Table] = {
    schema.File: TOP,
    schema.GlobalDefs: GLOBAL_DEFS,
    schema.VrrpInstance: VRRP_INSTANCE,
    schema.VrrpSyncGroup: VRRP_SYNC_GROUP,
    schema.AddressEntry: _ADDRESS,
}


def words_of(block: type) -> Collection[str]:
    """What keepalived has in the block that one of the Structs of schema/ is."""
    return _TABLES.get(block, {}).keys()


def meaning(block: type, word: str) -> str | None:
    """What to say of a word of keepalived where it is no key; None where keepalived does not have it."""
    match _TABLES.get(block, {}).get(word):
        case Unserved(consequence=consequence):
            return f"not served: {consequence}"
        case Refused(consequence=consequence):
            return f"not served yet: {consequence}"
        case Value(key=str(key)) | Named(key=str(key)):
            return f"is no key of this file; {key} is what it sets"
        case Grammar():
            return "is no key of this file; it is for keepalived.conf"
    return None
