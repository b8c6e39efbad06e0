/* What a socket tells beside a packet: IP_PKTINFO, IP_TTL, IPV6_PKTINFO and IPV6_HOPLIMIT control messages. */
#ifndef VRRPD_FAST_ANCILLARY_H
#define VRRPD_FAST_ANCILLARY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Room for every control message that these sockets are asked for: a cache line, in which IPV6_PKTINFO and
 * IPV6_HOPLIMIT just fit. */
#define ANCILLARY_SIZE (CMSG_SPACE(20) + CMSG_SPACE(sizeof(int)))

struct ancillary {
    uint32_t ifindex;        /* 0 when not told */
    int hop_limit;           /* or TTL; -1 when not told */
    uint8_t destination[16]; /* IPv4 in the first four bytes, rest zero; zero when not told */
};

void ancillary_read(struct msghdr *message, struct ancillary *out);

#endif
