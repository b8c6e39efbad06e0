/* A bare receiver: one raw socket for VRRP on all interfaces per IP family, in a process of its own, recvmmsg per
 * wake-up, every packet thrown away. The floor that hearing adverts can cost. Memberships sit on UDP sockets: the
 * kernel allows 20 a socket.
 *
 *   sink 4|6|46 INTERFACE…
 *
 * Says "ready" on stdout when it listens everywhere; runs until it is killed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define VRRP 112
#define MEMBERSHIPS 20
#define BATCH 64
#define ROOM 1514

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int join(int holder, int family, unsigned ifindex)
{
    struct ip_mreqn ipv4 = {.imr_ifindex = (int)ifindex};
    struct ipv6_mreq ipv6 = {.ipv6mr_interface = ifindex};

    inet_pton(AF_INET, "224.0.0.18", &ipv4.imr_multiaddr);
    inet_pton(AF_INET6, "ff02::12", &ipv6.ipv6mr_multiaddr);
    return family == AF_INET ? setsockopt(holder, IPPROTO_IP, IP_ADD_MEMBERSHIP, &ipv4, sizeof ipv4)
                             : setsockopt(holder, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &ipv6, sizeof ipv6);
}

static int listen_on(int family, char **interfaces)
{
    int holder = -1, fd = socket(family, SOCK_RAW, VRRP), room = 64 << 20;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
        fail("raw socket");
    for (int i = 0; interfaces[i] != NULL; ++i) {
        if (i % MEMBERSHIPS == 0)
            holder = socket(family, SOCK_DGRAM, 0);
        if (join(holder, family, if_nametoindex(interfaces[i])) < 0)
            fail(interfaces[i]);
    }
    return fd;
}

static void receive(int fd)
{
    static struct mmsghdr messages[BATCH];
    static struct iovec vectors[BATCH];
    static char data[BATCH][ROOM];

    for (int i = 0; i < BATCH; ++i) {
        vectors[i] = (struct iovec){data[i], ROOM};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL) >= 0)
        continue;
    fail("recvmmsg");
}

int main(int argc, char **argv)
{
    int ipv4 = -1, ipv6 = -1;

    if (argc < 3) {
        fprintf(stderr, "usage: sink 4|6|46 INTERFACE…\n");
        return 2;
    }
    if (strchr(argv[1], '4'))
        ipv4 = listen_on(AF_INET, argv + 2);
    if (strchr(argv[1], '6'))
        ipv6 = listen_on(AF_INET6, argv + 2);
    puts("ready");
    fflush(stdout);
    if (ipv4 >= 0 && ipv6 >= 0 && fork() == 0)
        receive(ipv6);
    receive(ipv4 >= 0 ? ipv4 : ipv6);
}
