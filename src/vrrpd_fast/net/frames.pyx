"""Whole Ethernet frames out of any interface. See frames.pyi."""

import socket

from vrrpd_fast.system import enlarge_buffer as _enlarge_buffer

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint16_t
from libc.string cimport memcpy, memset


cdef extern from "mmsg.h":
    struct iovec:
        void *iov_base
        size_t iov_len
    struct msghdr:
        void *msg_name
        unsigned int msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
    struct mmsghdr:
        msghdr msg_hdr
    int mmsg_send(int fd, mmsghdr *messages, unsigned count, unsigned *failed, int *last_errno) nogil

cdef extern from "<linux/if_packet.h>":
    struct sockaddr_ll:
        unsigned short sll_family
        uint16_t sll_protocol
        int sll_ifindex

cdef enum:
    BATCH = 64
    ETHERNET_HEADER = 14
    ETHERTYPE_AT = 12
    AF_PACKET = 17

_SEND_BUFFER = 4 << 20


cdef class FrameSender:
    cdef object _socket
    cdef readonly unsigned long long errors
    cdef readonly int last_error

    def __cinit__(self):
        # Protocol 0: bound to no protocol, the socket is not offered a single packet.
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0
        )
        _enlarge_buffer(self._socket, socket.SO_SNDBUF, _SEND_BUFFER)

    def fileno(self):
        return self._socket.fileno()

    def close(self):
        self._socket.close()

    def send(self, frames):
        cdef list pending = list(frames)
        cdef Py_ssize_t total = len(pending), done = 0
        cdef unsigned count
        cdef int consumed
        while done < total:
            count = min(total - done, BATCH)
            consumed = self._send_batch(pending, done, count)
            done += consumed
            if consumed < <int>count:
                break
        return done

    cdef int _send_batch(self, list frames, Py_ssize_t first, unsigned count) except -1:
        cdef mmsghdr headers[BATCH]
        cdef iovec vectors[BATCH]
        cdef sockaddr_ll targets[BATCH]
        cdef unsigned i, failed = 0
        cdef int last_errno = 0, consumed, fd = self._socket.fileno()
        cdef bytes frame
        if fd < 0:
            raise ValueError("the sender is closed")
        memset(headers, 0, sizeof(headers))
        memset(targets, 0, sizeof(targets))
        for i in range(count):
            ifindex, frame = frames[first + i]
            if PyBytes_GET_SIZE(frame) < ETHERNET_HEADER:
                raise ValueError(f"not an Ethernet frame: {PyBytes_GET_SIZE(frame)} bytes")
            vectors[i].iov_base = PyBytes_AS_STRING(frame)  # `frames` keeps the bytes alive
            vectors[i].iov_len = PyBytes_GET_SIZE(frame)
            targets[i].sll_family = AF_PACKET
            targets[i].sll_ifindex = ifindex
            memcpy(&targets[i].sll_protocol, PyBytes_AS_STRING(frame) + ETHERTYPE_AT, 2)
            headers[i].msg_hdr.msg_name = &targets[i]
            headers[i].msg_hdr.msg_namelen = sizeof(sockaddr_ll)
            headers[i].msg_hdr.msg_iov = &vectors[i]
            headers[i].msg_hdr.msg_iovlen = 1
        with nogil:
            consumed = mmsg_send(fd, headers, count, &failed, &last_errno)
        if failed:
            self.errors += failed
            self.last_error = last_errno
        return consumed
