"""The kernel filter that absorbs the steady state: csrc/steady_filter for the sockets of one daemon.

One slot per virtual router, by its handle. Sockets, bindings and growth are control-plane work; the machine
takes pointers to the entries (steady.pxd) and arms, disarms and reads them without a system call.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import errno
import os
import resource
from pathlib import Path

ROOM_MAX = STEADY_ROOM_MAX
TIME_OFFSETS = Path("/proc/self/timens_offsets")

cdef enum:
    LOG_SIZE = 1 << 20

ADVICE = {
    errno.EPERM: "needs CAP_BPF in the initial user namespace",
    errno.ENOSYS: "this kernel has no bpf(2)",
    errno.EINVAL: "needs Linux 5.10",
}


class SteadyFilterError(OSError):

    log = ""


def failure(result, step, log=""):
    advice = f" ({ADVICE[-result]})" if -result in ADVICE else ""
    error = SteadyFilterError(-result, f"kernel filter: {step}: {os.strerror(-result)}{advice}")
    error.log = log
    return error


def has_own_clock(offsets):
    """Whether TIME_OFFSETS tells of a CLOCK_MONOTONIC that is not the kernel's, which the filter reads."""
    for line in offsets.splitlines():
        name, seconds, nanoseconds = line.split()
        if name == "monotonic" and (int(seconds) or int(nanoseconds)):
            return True
    return False


def raise_memlock():
    """Lift RLIMIT_MEMLOCK: before Linux 5.11 maps are charged to it, and past it there is EPERM."""
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return False
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (ValueError, OSError):
        return False
    return True


cdef open_filter(steady_filter *filter, slots, room):
    cdef uint32_t count, size
    cdef int result
    cdef char *log
    if slots < 1:
        raise ValueError("a kernel filter has at least one slot")
    if not 1 <= room <= STEADY_ROOM_MAX:
        raise ValueError(f"room for messages of {room} bytes is not in 1..{STEADY_ROOM_MAX}")
    if TIME_OFFSETS.exists() and has_own_clock(TIME_OFFSETS.read_text()):
        raise failure(-errno.ENOTSUP, "clock of a time namespace")
    count = slots
    size = (<uint32_t> room + STEADY_CHUNK - 1) // STEADY_CHUNK * STEADY_CHUNK
    log = <char *> calloc(1, LOG_SIZE)
    if log == NULL:
        raise MemoryError
    try:
        result = steady_filter_open(filter, count, size, log, LOG_SIZE)
        if result == -errno.EPERM and raise_memlock():
            result = steady_filter_open(filter, count, size, log, LOG_SIZE)
        if result < 0:
            raise failure(result, (<bytes> filter.failed).decode(), (<bytes> log).decode(errors="replace"))
    finally:
        free(log)


cdef class SteadyFilter:

    def __cinit__(self, *args, **kwargs):
        memset(&self.filter, 0, sizeof(steady_filter))
        self.filter.keys_fd = -1
        self.filter.entries_fd = -1
        self.filter.program_fd = -1
        self.sockets = []
        self.keys = {}

    def __init__(self, slots, room=ROOM_MAX):
        steady_filter_close(&self.filter)
        open_filter(&self.filter, slots, room)

    def __dealloc__(self):
        steady_filter_close(&self.filter)

    @property
    def slots(self):
        return self.filter.slots if self.filter.entries != NULL else 0

    @property
    def room(self):
        return self.filter.room

    @property
    def program_fd(self):
        return self.filter.program_fd

    cdef steady_entry *entry(self, uint32_t slot) noexcept nogil:
        return steady_filter_entry(&self.filter, slot)

    cdef steady_entry *at(self, slot) except NULL:
        if not 0 <= slot < self.slots:
            raise IndexError(f"the kernel filter has no slot {slot}")
        return steady_filter_entry(&self.filter, slot)

    # -- control: sockets, bindings, growth ---------------------------------------------------------------

    def attach(self, int socket):
        cdef int result = steady_filter_attach(&self.filter, socket)
        if result < 0:
            raise failure(result, "attach")
        if socket not in self.sockets:
            self.sockets.append(socket)

    def detach(self, int socket):
        cdef int result = steady_filter_detach(socket)
        self.sockets.remove(socket)
        if result < 0:
            raise failure(result, "detach")

    def bind(self, slot, uint32_t ifindex, int family, int vrid):
        cdef int result
        steady_disarm(self.at(slot))
        if family not in (4, 6) or not 0 <= vrid <= 255:
            raise ValueError(f"no such virtual router: family {family}, VRID {vrid}")
        key = (ifindex, family, vrid)
        if self.keys.get(slot) == key:
            return
        self._unmap(slot)
        result = steady_filter_bind(&self.filter, slot, ifindex, <uint8_t> family, <uint8_t> vrid)
        if result < 0:
            raise failure(result, "bind")
        self.keys[slot] = key

    def unbind(self, slot):
        cdef steady_entry *entry = self.at(slot)
        steady_disarm(entry)
        self._unmap(slot)
        entry.last_seen_ns = 0
        entry.absorbed = 0

    cdef _unmap(self, slot):
        if slot in self.keys:
            ifindex, family, vrid = self.keys.pop(slot)
            steady_filter_unbind(&self.filter, ifindex, family, vrid)

    def grow(self, slots, room):
        cdef steady_filter old = self.filter, new
        cdef steady_entry *left
        cdef steady_entry *taken_up
        cdef uint32_t slot
        cdef int result = 0
        if slots < old.slots or room < old.room:
            raise ValueError("a kernel filter does not shrink")
        open_filter(&new, slots, room)
        for taken, (ifindex, family, vrid) in self.keys.items():
            if result == 0:
                result = steady_filter_bind(&new, taken, ifindex, family, vrid)
        for socket in self.sockets:
            if result == 0:
                result = steady_filter_attach(&new, socket)
        if result < 0:
            for socket in self.sockets:
                steady_filter_attach(&old, socket)
            steady_filter_close(&new)
            raise failure(result, "growth")
        for slot in range(old.slots):
            left = steady_filter_entry(&old, slot)
            taken_up = steady_filter_entry(&new, slot)
            taken_up.absorbed = steady_absorbed(left)
            taken_up.last_seen_ns = steady_last_seen_ns(left)
        self.filter = new
        steady_filter_close(&old)

    def close(self):
        self.sockets.clear()
        self.keys.clear()
        steady_filter_close(&self.filter)

    # -- one entry, for who is not the machine ------------------------------------------------------------

    def arm(self, slot, bytes source, bytes destination, bytes message):
        cdef uint8_t addresses[2][16]
        cdef steady_entry *entry = self.at(slot)
        if len(source) not in (4, 16) or len(source) != len(destination):
            raise ValueError("IP addresses have 4 or 16 bytes")
        memset(addresses, 0, sizeof(addresses))
        memcpy(addresses[0], <const char *> source, len(source))
        memcpy(addresses[1], <const char *> destination, len(destination))
        return bool(steady_arm(entry, addresses[0], addresses[1], <const uint8_t *> <const char *> message,
                               len(message)))

    def disarm(self, slot):
        steady_disarm(self.at(slot))

    def is_armed(self, slot):
        return self.at(slot).armed != 0

    def absorbed(self, slot):
        return steady_absorbed(self.at(slot))

    def last_seen_ns(self, slot):
        return steady_last_seen_ns(self.at(slot))
