"""When a certificate expires, read from its DER form: the ssl module tells that only of one it has verified.

Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { [0] version, serialNumber, signature, issuer,
    validity SEQUENCE { notBefore, notAfter }, … }, … }                                     (RFC 5280 4.1)
"""

from datetime import UTC, datetime

_SEQUENCE, _INTEGER, _VERSION = 0x30, 0x02, 0xA0
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18


def expiry_of(der: bytes) -> datetime:
    """The end of a certificate's validity; ValueError when it is not where it belongs."""
    certificate, _ = _element(der, 0, _SEQUENCE)
    fields, _ = _element(certificate, 0, _SEQUENCE)
    position = 0
    if fields[:1] == bytes((_VERSION,)):
        _, position = _element(fields, position, _VERSION)
    for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):
        _, position = _element(fields, position, tag)
    validity, _ = _element(fields, position, _SEQUENCE)
    _, position = _element(validity, 0, validity[0] if validity else _UTC_TIME)
    tag = validity[position] if position < len(validity) else _UTC_TIME
    text = _element(validity, position, tag)[0].decode("ascii")
    if tag == _UTC_TIME:
        # Two digits of the year: 50 and above are 19.. (4.1.2.5.1)
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("the certificate has no time of expiry")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _element(data: bytes, position: int, tag: int) -> tuple[bytes, int]:
    """The content of the element of this tag, and where the next one begins."""
    if position + 2 > len(data) or data[position] != tag:
        raise ValueError("the certificate is malformed")
    length, start = data[position + 1], position + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(data[start : start + count], "big"), start + count
    if start + length > len(data):
        raise ValueError("the certificate is cut off")
    return data[start : start + length], start + length
