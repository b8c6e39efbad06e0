/* Batched datagram I/O: many messages per system call, none lost without a word.
 *
 * Pure C over sendmmsg(2) and recvmmsg(2): no Python.h, no clock, no globals. Never blocks, whatever the
 * mode of the descriptor. Safe without the GIL. */
#ifndef VRRPD_FAST_MMSG_H
#define VRRPD_FAST_MMSG_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/socket.h>

/* Send messages[0..count). A message that the kernel refuses for itself (ENETDOWN, ENXIO, EPERM, ...) is skipped:
 * *failed grows by one and *last_errno keeps its reason. Both are the caller's to zero; neither is touched when all
 * goes well.
 *
 * Returns how many messages are done with, sent or refused. Less than count means that the kernel is out of room
 * (EAGAIN or ENOBUFS): messages[result] is the one to go on from, later. */
int mmsg_send(int fd, struct mmsghdr *messages, unsigned count, unsigned *failed, int *last_errno);

/* Receive at most count messages. Returns how many came, 0 when nothing waits, -errno on an error.
 * msg_namelen, msg_controllen and msg_flags are overwritten by the kernel: set them again before the next call. */
int mmsg_receive(int fd, struct mmsghdr *messages, unsigned count);

#endif
