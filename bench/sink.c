/* A bare receiver: one raw socket for VRRP over IPv4 on all interfaces, recvmmsg per wake-up, every packet thrown
 * away. The floor that hearing adverts can cost. Memberships sit on UDP sockets: the kernel allows 20 a socket.
 *
 *   sink INTERFACE…
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

#define VRRP 112
#define MEMBERSHIPS 20
#define BATCH 64
#define ROOM 1514

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

int main(int argc, char **argv)
{
    static struct mmsghdr messages[BATCH];
    static struct iovec vectors[BATCH];
    static char data[BATCH][ROOM];
    int holder = -1, fd = socket(AF_INET, SOCK_RAW, VRRP), room = 64 << 20, i;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
        fail("raw socket");
    for (i = 1; i < argc; ++i) {
        struct ip_mreqn where = {.imr_ifindex = (int)if_nametoindex(argv[i])};

        inet_pton(AF_INET, "224.0.0.18", &where.imr_multiaddr);
        if ((i - 1) % MEMBERSHIPS == 0)
            holder = socket(AF_INET, SOCK_DGRAM, 0);
        if (setsockopt(holder, IPPROTO_IP, IP_ADD_MEMBERSHIP, &where, sizeof where) < 0)
            fail(argv[i]);
    }
    for (i = 0; i < BATCH; ++i) {
        vectors[i] = (struct iovec){data[i], ROOM};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    puts("ready");
    fflush(stdout);
    while (recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL) >= 0)
        continue;
    fail("recvmmsg");
}
