#include "mmsg.h"

#include <errno.h>
#include <stddef.h>

/* UIO_MAXIOV: the kernel cuts longer vectors down to this in silence. */
#define MMSG_CHUNK 1024u

int mmsg_send(int fd, struct mmsghdr *messages, unsigned count, unsigned *failed, int *last_errno)
{
    unsigned done = 0;

    while (done < count) {
        unsigned left = count - done;
        int sent = sendmmsg(fd, messages + done, left < MMSG_CHUNK ? left : MMSG_CHUNK, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent > 0) {
            /* A short count hides the errno of the next message; sending from there brings it out. */
            done += (unsigned)sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
            break;
        *last_errno = errno;
        ++*failed;
        ++done;
    }
    return (int)done;
}

int mmsg_receive(int fd, struct mmsghdr *messages, unsigned count)
{
    for (;;) {
        int received = recvmmsg(fd, messages, count < MMSG_CHUNK ? count : MMSG_CHUNK, MSG_DONTWAIT, NULL);

        if (received >= 0)
            return received;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return 0;
        if (errno != EINTR)
            return -errno;
    }
}
