/* A client that asks through whatever router there is: an ICMP echo request every PERIOD_NS, and when the answers came.
 *
 *   probe ADDRESS PERIOD_NS > TIMES    says "ready" on stderr; asks until stdin is closed, then writes
 *
 * A time is an int64 in native byte order: the kernel's CLOCK_REALTIME in ns when an answer arrived. The answers wait
 * in the socket's buffer until the end. Requests that find no way are as lost as those that meet a dead router. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BUFFER (64 << 20)

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static uint16_t checksum(const struct icmphdr *echo)
{
    const uint16_t *word = (const uint16_t *)echo;
    uint32_t sum = 0;

    for (size_t i = 0; i < sizeof *echo / 2; ++i)
        sum += word[i];
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t) ~(sum + (sum >> 16));
}

static void write_times(int fd)
{
    char packet[256], control[256];
    struct iovec vector = {packet, sizeof packet};

    for (;;) {
        struct msghdr header = {
            .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        ssize_t length = recvmsg(fd, &header, MSG_DONTWAIT);
        const struct icmphdr *answer = (const struct icmphdr *)(packet + (packet[0] & 15) * 4);

        if (length < 0)
            return;
        if (length < 28 || answer->type != ICMP_ECHOREPLY)
            continue;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c != NULL; c = CMSG_NXTHDR(&header, c))
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
                struct timespec at;
                int64_t at_ns;

                memcpy(&at, CMSG_DATA(c), sizeof at);
                at_ns = (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
                fwrite(&at_ns, sizeof at_ns, 1, stdout);
            }
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in where = {.sin_family = AF_INET};
    long long period_ns = argc == 3 ? atoll(argv[2]) : 0;
    struct icmphdr echo = {.type = ICMP_ECHO};
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), timer = timerfd_create(CLOCK_MONOTONIC, 0);
    int room = BUFFER, on = 1;
    struct itimerspec spec;
    uint64_t expirations;
    uint16_t sequence = 0;

    if (period_ns <= 0 || inet_pton(AF_INET, argv[1], &where.sin_addr) != 1) {
        fprintf(stderr, "usage: probe ADDRESS PERIOD_NS > TIMES\n");
        return 2;
    }
    spec.it_value = spec.it_interval =
        (struct timespec){.tv_sec = period_ns / 1000000000, .tv_nsec = period_ns % 1000000000};
    if (fd < 0 || timer < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0 || timerfd_settime(timer, 0, &spec, NULL) < 0)
        fail("probe");
    fputs("ready\n", stderr);
    for (;;) {
        struct pollfd wait[] = {{.fd = timer, .events = POLLIN}, {.fd = 0, .events = POLLIN}};

        if (poll(wait, 2, -1) < 0)
            fail("poll");
        if (wait[1].revents)
            break;
        if (read(timer, &expirations, sizeof expirations) != sizeof expirations)
            fail("timerfd");
        echo.un.echo.sequence = htons(++sequence);
        echo.checksum = 0;
        echo.checksum = checksum(&echo);
        (void)!sendto(fd, &echo, sizeof echo, 0, (struct sockaddr *)&where, sizeof where);
    }
    write_times(fd);
    return fflush(stdout) ? 1 : 0;
}
