"""The numbers that the compiled modules and the vocabulary share."""

import re
from pathlib import Path

import pytest

from vrrpd_fast import model
from vrrpd_fast.model import Complaint, Finding, Reason, Severity, State

ENGINE = Path(model.__file__).parents[1] / "engine"


def enumerators(file: str, prefix: str) -> dict[str, int]:
    """Name (without its prefix) -> value of the enumerators in a .pxd file."""
    found = re.findall(rf"^    {prefix}_(\w+) = (\d+)", (ENGINE / file).read_text(), re.MULTILINE)
    return {name: int(value) for name, value in found}


@pytest.mark.parametrize(
    ("file", "prefix", "kind"), [("virtual_router.pxd", "STATE", State), ("machine.pxd", "REASON", Reason)]
)
def test_states_and_reasons_have_the_machines_values(
    file: str, prefix: str, kind: type[State] | type[Reason]
) -> None:
    declared = enumerators(file, prefix)
    assert declared
    assert declared == {each.name: each.value for each in kind if each.name in declared}


@pytest.mark.parametrize("kind", [State, Reason])
def test_the_machine_finds_them_by_place(kind: type[State] | type[Reason]) -> None:
    assert [each.value for each in kind] == list(range(len(kind)))


def test_every_state_is_one_of_the_machine() -> None:
    assert set(enumerators("virtual_router.pxd", "STATE")) == {state.name for state in State}


def test_complaints_are_reject_codes_and_what_is_accepted_but_told() -> None:
    """A complaint by number; the words differ where the reject reason alone would not be understood."""
    rejects = enumerators("wire.pxd", "REJECT")
    told = enumerators("checks.pxd", "TELL")
    silent = {rejects["VRID"], rejects["OWN"], rejects.pop("LAST")}
    assert {each.value for each in Complaint} == (set(rejects.values()) - silent) | set(told.values())
    assert min(told.values()) > max(rejects.values())
    same = {"TTL", "SHORT", "VERSION", "TYPE", "LENGTH", "CHECKSUM", "PEER"}
    assert {name: rejects[name] for name in same} == {name: Complaint[name].value for name in same}
    assert rejects["AUTH"] == Complaint.AUTHENTICATION
    assert rejects["INTERVAL"] == Complaint.INTERVAL_REFUSED
    assert rejects["COUNT"] == Complaint.NO_ADDRESSES
    assert rejects["ADDRESSES"] == Complaint.ADDRESSES_REFUSED
    assert (told["INTERVAL"], told["ADDRESSES"]) == (Complaint.INTERVAL, Complaint.ADDRESSES)
    assert (told["OWNER"], told["LINK_LOCAL"]) == (Complaint.SECOND_OWNER, Complaint.NOT_LINK_LOCAL)


def test_a_finding_reads_like_a_compilers() -> None:
    finding = Finding(file="a.json", line=3, column=7, severity=Severity.ERROR, message="no such key")
    assert str(finding) == "a.json:3:7: error: no such key"
