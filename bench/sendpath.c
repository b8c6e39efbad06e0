/* Four ways to send one batch of adverts over many interfaces, each through a single socket, in turn in every round:
 *
 *   raw      raw IP socket, IP_HDRINCL, the interface in IP_PKTINFO, sendmmsg
 *   packet   AF_PACKET SOCK_DGRAM, the interface in the address, sendmmsg
 *   bypass   the same with PACKET_QDISC_BYPASS
 *   ring     PACKET_TX_RING with the datagrams already in its slots; one send per interface, whose address holds
 *            for all the slots it finds ready
 *
 *   sendpath ROUNDS < PLAN      PLAN as sender.c reads it, IPv4, the adverts of an interface in a row
 *
 * Writes "NAME NS" per way: processor time of this thread per advert, median of the rounds. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#define VRRP 112
#define ROOM 100        /* of a datagram */
#define BATCH_MAX 1000u /* below UIO_MAXIOV */
#define BLOCK 4096u
#define SLOT 400u /* 10 to a block: a batch that is a multiple of 10 begins at the same slot in each round */
#define SLOTS_PER_BLOCK (BLOCK / SLOT)
#define DATA_AT (TPACKET2_HDRLEN - sizeof(struct sockaddr_ll))
#define ROUNDS_MAX 100000
#define ETHER 14u

struct message {
    uint8_t datagram[ROOM];
    uint32_t length;
    struct sockaddr_ll link;
    struct sockaddr_in group;
    struct iovec vector;
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

enum way { RAW, PACKET, BYPASS, RING, WAYS };

static const char *const names[WAYS] = {"raw", "packet", "bypass", "ring"};
static struct message batch[BATCH_MAX];
static struct mmsghdr by_group[BATCH_MAX], by_link[BATCH_MAX];
static unsigned count;
static int fds[WAYS];
static uint8_t *ring;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static size_t from_hex(const char *hex, uint8_t *bytes, size_t room)
{
    size_t length = 0;
    unsigned value;

    for (; length < room && sscanf(hex + 2 * length, "%2x", &value) == 1; ++length)
        bytes[length] = (uint8_t)value;
    return length;
}

static void add(struct message *message, unsigned ifindex, const uint8_t *frame, size_t length)
{
    struct in_pktinfo where = {.ipi_ifindex = (int)ifindex};
    struct cmsghdr *c = (struct cmsghdr *)message->control;

    message->length = (uint32_t)(length - ETHER);
    memcpy(message->datagram, frame + ETHER, message->length);
    message->link = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
                                         .sll_ifindex = (int)ifindex, .sll_halen = ETH_ALEN};
    memcpy(message->link.sll_addr, frame, ETH_ALEN);
    message->group.sin_family = AF_INET;
    memcpy(&message->group.sin_addr, message->datagram + 16, 4);
    message->vector = (struct iovec){message->datagram, message->length};
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof where);
    memcpy(CMSG_DATA(c), &where, sizeof where);
    by_group[count].msg_hdr = (struct msghdr){.msg_name = &message->group, .msg_namelen = sizeof message->group,
                                              .msg_iov = &message->vector, .msg_iovlen = 1,
                                              .msg_control = c, .msg_controllen = sizeof message->control};
    by_link[count].msg_hdr = (struct msghdr){.msg_name = &message->link, .msg_namelen = sizeof message->link,
                                             .msg_iov = &message->vector, .msg_iovlen = 1};
    ++count;
}

static void read_plan(void)
{
    static char name[IF_NAMESIZE + 1], hex[2 * (ETHER + ROOM) + 1];
    uint8_t frame[ETHER + ROOM];
    unsigned phase, ifindex;

    while (count < BATCH_MAX && scanf("%16s %u %228s", name, &phase, hex) == 3) {
        size_t length = from_hex(hex, frame, sizeof frame);

        ifindex = if_nametoindex(name);
        if (ifindex == 0)
            fail(name);
        if (length > ETHER + 20)
            add(&batch[count], ifindex, frame, length);
    }
}

static struct tpacket2_hdr *slot(unsigned number)
{
    return (struct tpacket2_hdr *)(ring + number / SLOTS_PER_BLOCK * BLOCK + number % SLOTS_PER_BLOCK * SLOT);
}

static void open_ring(int fd)
{
    int version = TPACKET_V2;
    struct tpacket_req size = {BLOCK, count / SLOTS_PER_BLOCK, SLOT, count};

    if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &size, sizeof size) < 0)
        fail("PACKET_TX_RING");
    ring = mmap(NULL, (size_t)BLOCK * size.tp_block_nr, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ring == MAP_FAILED)
        fail("mmap");
    for (unsigned i = 0; i < count; ++i) {
        slot(i)->tp_len = batch[i].length;
        memcpy((uint8_t *)slot(i) + DATA_AT, batch[i].datagram, batch[i].length);
    }
}

static void open_sockets(void)
{
    int on = 1, off = 0, room = 64 << 20;

    fds[RAW] = socket(AF_INET, SOCK_RAW, VRRP);
    for (int way = PACKET; way < WAYS; ++way)
        fds[way] = socket(AF_PACKET, SOCK_DGRAM, 0);
    for (int way = RAW; way < WAYS; ++way)
        if (fds[way] < 0 || setsockopt(fds[way], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0)
            fail("socket");
    if (setsockopt(fds[RAW], IPPROTO_IP, IP_HDRINCL, &on, sizeof on) < 0 ||
        setsockopt(fds[RAW], IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof off) < 0 ||
        setsockopt(fds[BYPASS], SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) < 0)
        fail("setsockopt");
    open_ring(fds[RING]);
}

static void send_ring(void)
{
    for (unsigned first = 0, next; first < count; first = next) {
        for (next = first; next < count && batch[next].link.sll_ifindex == batch[first].link.sll_ifindex; ++next)
            __atomic_store_n(&slot(next)->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
        if (sendto(fds[RING], NULL, 0, 0, (struct sockaddr *)&batch[first].link, sizeof batch[first].link) <= 0)
            fail("ring: send");
    }
    for (unsigned i = 0; i < count; ++i)
        if (__atomic_load_n(&slot(i)->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE) {
            fprintf(stderr, "sendpath: slot %u of the ring was not sent\n", i);
            exit(1);
        }
}

static void send_batch(enum way way)
{
    int sent;

    if (way == RING) {
        send_ring();
        return;
    }
    sent = sendmmsg(fds[way], way == RAW ? by_group : by_link, count, 0);
    if (sent != (int)count) {
        fprintf(stderr, "sendpath: %s sent %d of %u\n", names[way], sent, count);
        exit(1);
    }
}

static int64_t used_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static int ascending(const void *one, const void *other)
{
    int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;

    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    int rounds = argc == 2 ? atoi(argv[1]) : 0;
    static int64_t took_ns[WAYS][ROUNDS_MAX];

    if (rounds <= 0 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: sendpath ROUNDS(1-%d) < PLAN\n", ROUNDS_MAX);
        return 2;
    }
    read_plan();
    if (count == 0 || count % SLOTS_PER_BLOCK) {
        fprintf(stderr, "sendpath: %u adverts are no multiple of %u\n", count, SLOTS_PER_BLOCK);
        return 2;
    }
    open_sockets();
    for (int round = 0; round < rounds; ++round)
        for (enum way way = RAW; way < WAYS; ++way) {
            int64_t began_ns = used_ns();

            send_batch(way);
            took_ns[way][round] = used_ns() - began_ns;
        }
    for (enum way way = RAW; way < WAYS; ++way) {
        qsort(took_ns[way], (size_t)rounds, sizeof **took_ns, ascending);
        printf("%s %.1f\n", names[way], (double)took_ns[way][rounds / 2] / count);
    }
    return 0;
}
