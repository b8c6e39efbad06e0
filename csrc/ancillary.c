#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ancillary.h"

#include <netinet/in.h>
#include <string.h>

void ancillary_read(struct msghdr *message, struct ancillary *out) {
    out->ifindex = 0;
    out->hop_limit = -1;
    memset(out->destination, 0, sizeof out->destination);
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control)) {
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(control), sizeof info);
            out->ifindex = (uint32_t)info.ipi_ifindex;
            memcpy(out->destination, &info.ipi_addr, sizeof info.ipi_addr);
        } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_TTL) {
            memcpy(&out->hop_limit, CMSG_DATA(control), sizeof out->hop_limit);
        } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(control), sizeof info);
            out->ifindex = info.ipi6_ifindex;
            memcpy(out->destination, &info.ipi6_addr, sizeof out->destination);
        } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_HOPLIMIT) {
            memcpy(&out->hop_limit, CMSG_DATA(control), sizeof out->hop_limit);
        }
    }
}
