/* A bare sender: whole Ethernet frames in phases of an interval, one timerfd, one sendmmsg per phase, one socket.
 * It is the master a backup listens to, and the floor that sending adverts can cost.
 *
 *   sender INTERVAL_NS PHASES < PLAN      PLAN: one "INTERFACE PHASE HEXFRAME" per line
 *
 * Says "ready" on stdout before the first frame, sends until it is killed, ends when a frame cannot be sent. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define FRAME_ROOM 1514
#define PHASES_MAX 65536
#define CHUNK 1024u /* UIO_MAXIOV */

struct phase {
    struct mmsghdr *messages;
    unsigned count, room;
};

static struct phase phases[PHASES_MAX];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *allocate(size_t size)
{
    void *block = calloc(1, size);

    if (block == NULL)
        fail("calloc");
    return block;
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
    size_t length = 0;
    unsigned value;

    for (; length < FRAME_ROOM && sscanf(hex + 2 * length, "%2x", &value) == 1; ++length)
        bytes[length] = (uint8_t)value;
    return length;
}

static void add(struct phase *phase, unsigned ifindex, const uint8_t *frame, size_t length)
{
    struct sockaddr_ll *where = allocate(sizeof *where);
    struct iovec *vector = allocate(sizeof *vector);

    where->sll_family = AF_PACKET;
    where->sll_ifindex = (int)ifindex;
    vector->iov_base = memcpy(allocate(length), frame, length);
    vector->iov_len = length;
    if (phase->count == phase->room) {
        phase->room = phase->room ? 2 * phase->room : 64;
        phase->messages = realloc(phase->messages, phase->room * sizeof *phase->messages);
        if (phase->messages == NULL)
            fail("realloc");
    }
    phase->messages[phase->count++] = (struct mmsghdr){
        .msg_hdr = {.msg_name = where, .msg_namelen = sizeof *where, .msg_iov = vector, .msg_iovlen = 1}};
}

static void read_plan(unsigned count)
{
    static char name[IF_NAMESIZE + 1], hex[2 * FRAME_ROOM + 1];
    static uint8_t frame[FRAME_ROOM];
    unsigned phase, ifindex;

    while (scanf("%16s %u %3028s", name, &phase, hex) == 3) {
        ifindex = if_nametoindex(name);
        if (ifindex == 0)
            fail(name);
        add(&phases[phase % count], ifindex, frame, from_hex(hex, frame));
    }
}

static void send_phase(int fd, const struct phase *phase)
{
    unsigned done = 0;

    while (done < phase->count) {
        unsigned left = phase->count - done;
        int sent = sendmmsg(fd, phase->messages + done, left < CHUNK ? left : CHUNK, 0);

        if (sent < 0)
            fail("sendmmsg");
        done += (unsigned)sent;
    }
}

int main(int argc, char **argv)
{
    long long interval_ns = argc == 3 ? atoll(argv[1]) : 0, step_ns;
    unsigned count = argc == 3 ? (unsigned)atoi(argv[2]) : 0, next = 0;
    struct itimerspec spec;
    struct timespec now;
    uint64_t expirations;
    int fd, timer;

    if (interval_ns <= 0 || count == 0 || count > PHASES_MAX) {
        fprintf(stderr, "usage: sender INTERVAL_NS PHASES(1-%d) < PLAN\n", PHASES_MAX);
        return 2;
    }
    read_plan(count);
    fd = socket(AF_PACKET, SOCK_RAW, 0);
    timer = timerfd_create(CLOCK_MONOTONIC, 0);
    if (fd < 0 || timer < 0)
        fail("socket, timerfd");
    step_ns = interval_ns / count;
    clock_gettime(CLOCK_MONOTONIC, &now);
    spec.it_value = now;
    spec.it_interval = (struct timespec){.tv_sec = step_ns / 1000000000, .tv_nsec = step_ns % 1000000000};
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, NULL) < 0)
        fail("timerfd_settime");
    puts("ready");
    fflush(stdout);
    while (read(timer, &expirations, sizeof expirations) == sizeof expirations)
        for (; expirations; --expirations, next = (next + 1) % count)
            send_phase(fd, &phases[next]);
    fail("timerfd");
}
