"""csrc/checksum by itself: compiled strictly, trapping undefined behaviour, and called through ctypes."""

import ctypes
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import codec

CSRC = Path(__file__).resolve().parents[3] / "csrc"
STRICT = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
TRAPS = ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]

even = st.binary(max_size=40).map(lambda data: data[: len(data) // 2 * 2])


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    path = tmp_path_factory.mktemp("checksum") / "checksum.so"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    source = CSRC / "checksum.c"
    subprocess.run([*compiler, *STRICT, *TRAPS, "-shared", "-fPIC", "-o", path, source], check=True)
    library = ctypes.CDLL(str(path))
    library.checksum_add.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint32]
    library.checksum_add.restype = ctypes.c_uint32
    library.checksum_fold.argtypes = [ctypes.c_uint32]
    library.checksum_fold.restype = ctypes.c_uint16
    return library


def checksum(kernel: ctypes.CDLL, *parts: bytes, seed: int = 0, shift: int = 0) -> int:
    """The checksum over `parts`, each of them `shift` bytes off its alignment, as a number in wire order."""
    total = seed
    for part in parts:
        buffer = ctypes.create_string_buffer(bytes(shift) + part, shift + len(part) or 1)
        total = kernel.checksum_add(ctypes.addressof(buffer) + shift, len(part), total)
    stored: int = kernel.checksum_fold(total)
    return int.from_bytes(stored.to_bytes(2, sys.byteorder), "big")


@given(data=st.binary(max_size=300), shift=st.integers(0, 7))
def test_any_length_at_any_alignment(kernel: ctypes.CDLL, data: bytes, shift: int) -> None:
    assert checksum(kernel, data, shift=shift) == codec.checksum(data)


@given(parts=st.lists(even, max_size=5), last=st.binary(max_size=40))
def test_parts_are_joined_by_passing_the_sum_on(kernel: ctypes.CDLL, parts: list[bytes], last: bytes) -> None:
    assert checksum(kernel, *parts, last) == codec.checksum(b"".join(parts) + last)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 6, 7, 8, 1036, 65535])
def test_all_ones(kernel: ctypes.CDLL, length: int) -> None:
    data = b"\xff" * length
    assert checksum(kernel, data) == codec.checksum(data)


def test_a_sum_of_any_value_may_be_passed_on(kernel: ctypes.CDLL) -> None:
    """No carry is lost when the sum so far is as large as it can be (which is a zero of ones' complement)."""
    assert checksum(kernel, b"\xff\xff\xff\xff", seed=0xFFFFFFFF) == 0
    assert checksum(kernel, b"\x12\x34", seed=0xFFFFFFFF) == 0xFFFF - 0x1234


def test_a_message_with_its_checksum_in_it_folds_to_zero(kernel: ctypes.CDLL) -> None:
    message = codec.message(
        source=bytes(4), destination=bytes(4), addresses=[b"\xc0\0\2\xfe"], version=2, priority=100
    )
    assert checksum(kernel, message) == 0
