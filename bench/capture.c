/* Every advert, ARP packet and neighbour advertisement of a network namespace with the kernel's time, in and out.
 * Nothing is read before stdin is closed: the packets wait in a large socket buffer, so that the capture takes no
 * processor time from what it watches.
 *
 *   capture > RECORDS        says "ready" on stderr; exit status 3 when the buffer was too small
 *
 * A record, native byte order, no padding: int64 time (CLOCK_REALTIME, ns), uint32 ifindex, uint8 outgoing,
 * uint8 kind (1 advert, 2 ARP, 3 neighbour advertisement), uint8 vrid, uint8 priority, 16 bytes each: ARP sender
 * address, target address (an IPv4 address is in the first four). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER (512 << 20)
#define VRRP 112
#define ICMPV6 58
#define NEIGHBOUR_ADVERTISEMENT 136 /* RFC 4861 4.4 */
#define IPV6_HEADER 40

struct __attribute__((packed)) record {
    int64_t at_ns;
    uint32_t ifindex;
    uint8_t outgoing, kind, vrid, priority;
    uint8_t sender[16], target[16];
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t stamp(struct msghdr *header)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec at;

            memcpy(&at, CMSG_DATA(c), sizeof at);
            return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
        }
    return 0;
}

/* SOCK_DGRAM: the packet begins behind its Ethernet header. */
static int understand(const uint8_t *packet, ssize_t length, uint16_t protocol, struct record *out)
{
    if (protocol == ETH_P_ARP && length >= 28) {
        out->kind = 2;
        memcpy(out->sender, packet + 14, 4);
        memcpy(out->target, packet + 24, 4);
        return 1;
    }
    if (protocol == ETH_P_IPV6 && length >= IPV6_HEADER + 8) {
        if (packet[6] == VRRP) {
            out->kind = 1;
            out->vrid = packet[IPV6_HEADER + 1];
            out->priority = packet[IPV6_HEADER + 2];
            return 1;
        }
        out->kind = 3;
        memcpy(out->target, packet + IPV6_HEADER + 8, sizeof out->target);
        return length >= IPV6_HEADER + 24;
    }
    if (protocol == ETH_P_IP && length >= 20) {
        size_t header = (packet[0] & 15u) * 4u;

        if (length >= (ssize_t)header + 8) {
            out->kind = 1;
            out->vrid = packet[header + 1];
            out->priority = packet[header + 2];
            return 1;
        }
    }
    return 0;
}

int main(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 9, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 8),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9), /* the IP protocol */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VRRP, 5, 6),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6), /* the next header */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VRRP, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMPV6, 0, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IPV6_HEADER),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NEIGHBOUR_ADVERTISEMENT, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 128),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog filter = {sizeof program / sizeof *program, program};
    struct sockaddr_ll everywhere = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)}, from;
    struct tpacket_stats statistics;
    socklen_t size = sizeof statistics;
    int fd = socket(AF_PACKET, SOCK_DGRAM, 0), room = BUFFER, on = 1;
    uint8_t packet[256], control[256];
    struct iovec vector = {packet, sizeof packet};
    ssize_t length;
    char byte;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0 ||
        bind(fd, (struct sockaddr *)&everywhere, sizeof everywhere) < 0)
        fail("packet socket");
    fputs("ready\n", stderr);
    while (read(0, &byte, 1) > 0)
        continue;
    for (;;) {
        struct msghdr header = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &vector, .msg_iovlen = 1,
                                .msg_control = control, .msg_controllen = sizeof control};
        struct record record = {0};

        length = recvmsg(fd, &header, MSG_DONTWAIT);
        if (length < 0)
            break;
        record.at_ns = stamp(&header);
        record.ifindex = (uint32_t)from.sll_ifindex;
        record.outgoing = from.sll_pkttype == PACKET_OUTGOING;
        if (understand(packet, length, ntohs(from.sll_protocol), &record))
            fwrite(&record, sizeof record, 1, stdout);
    }
    if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) < 0)
        fail("PACKET_STATISTICS");
    if (statistics.tp_drops) {
        fprintf(stderr, "capture: %u packets did not fit\n", statistics.tp_drops);
        return 3;
    }
    return fflush(stdout) ? 1 : 0;
}
