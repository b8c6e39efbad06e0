/* What test_steady_filter.py calls besides csrc/steady_filter.c itself: the program run on a packet, and entries. */
#include "steady_filter.c"

/* Run the program on an Ethernet frame that comes in on lo (ifindex 1). Its verdict, or -errno below 0. */
int64_t try_frame(const struct steady_filter *filter, const void *frame, uint32_t length, uint32_t times,
                  uint32_t *duration_ns)
{
    union bpf_attr attr;
    int result;

    memset(&attr, 0, sizeof attr);
    attr.test.prog_fd = (uint32_t)filter->program_fd;
    attr.test.data_in = address_of(frame);
    attr.test.data_size_in = length;
    attr.test.repeat = times;
    result = bpf(BPF_PROG_TEST_RUN, &attr);
    *duration_ns = attr.test.duration;
    return result < 0 ? result : (int64_t)attr.test.retval;
}

int arm(struct steady_entry *entry, const uint8_t *source, const uint8_t *destination, const uint8_t *message,
        size_t length)
{
    return steady_arm(entry, source, destination, message, length);
}

struct steady_entry *entry_of(const struct steady_filter *filter, uint32_t slot)
{
    return steady_filter_entry(filter, slot);
}

/* A program that returns what nobody has set. */
int load_nonsense(char *log, size_t log_size)
{
    const struct bpf_insn code[] = {EXIT};

    return steady_filter_load(code, 1, log, log_size);
}

/* How many instructions there are, and 0 when a jump leads out of them. */
int check_jumps(uint32_t room)
{
    struct bpf_insn code[CODE_MAX];
    int count = steady_filter_assemble(code, CODE_MAX, 3, 4, room);

    for (int at = 0; at < count; at++) {
        int target = at + 1 + code[at].off;

        if (BPF_CLASS(code[at].code) == BPF_JMP && BPF_OP(code[at].code) != BPF_CALL &&
            BPF_OP(code[at].code) != BPF_EXIT && (target <= at || target >= count))
            return 0;
    }
    return count;
}

int assemble_into(unsigned capacity)
{
    struct bpf_insn code[CODE_MAX];

    return steady_filter_assemble(code, capacity, 3, 4, STEADY_ROOM_MAX);
}
