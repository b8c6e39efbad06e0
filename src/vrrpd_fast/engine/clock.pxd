# Reading clocks and setting a timerfd, for all that runs on real time.

from libc.stdint cimport int64_t
from libc.string cimport memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, clockid_t, itimerspec, timespec

cdef extern from "<sys/timerfd.h>" nogil:
    int TFD_NONBLOCK, TFD_CLOEXEC, TFD_TIMER_ABSTIME
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int fd, int flags, const itimerspec *new, itimerspec *old)

cdef inline int64_t clock_ns(clockid_t clock) noexcept nogil:
    cdef timespec now
    clock_gettime(clock, &now)
    return <int64_t> now.tv_sec * 1_000_000_000 + now.tv_nsec

cdef inline int64_t monotonic_ns() noexcept nogil:
    return clock_ns(CLOCK_MONOTONIC)

cdef inline int timer_open() noexcept nogil:
    """A timerfd of CLOCK_MONOTONIC that is off; -1 and errno when there can be none."""
    return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)

cdef inline void timer_set(int fd, int64_t at_ns) noexcept nogil:
    """Have it fire at a time; below 0 switches it off."""
    cdef itimerspec spec
    memset(&spec, 0, sizeof(spec))
    if at_ns >= 0:
        if at_ns == 0:
            at_ns = 1  # 0 would switch the timer off
        spec.it_value.tv_sec = at_ns // 1_000_000_000
        spec.it_value.tv_nsec = at_ns % 1_000_000_000
    timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL)
