/*
 * DOC: the Internet checksum (RFC 1071), in parts.
 *
 * A sum is carried in native byte order: ones' complement addition does not care which byte comes first, as
 * long as the result is stored the way the words were loaded (RFC 1071 section 2 (B)). So a sum is never
 * swapped, and checksum_fold() gives what is stored as is.
 *
 *     uint32_t sum = checksum_add(pseudo_header, sizeof pseudo_header, 0);
 *     sum = checksum_add(message, length, sum);
 *     uint16_t field = checksum_fold(sum);
 *
 * Over data that holds its checksum, checksum_fold() is 0 exactly when the checksum is right.
 *
 * No state, no allocation; any thread, any alignment.
 */
#ifndef VRRPD_FAST_CHECKSUM_H
#define VRRPD_FAST_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Add `length` bytes to a partial sum, which may have any value: parts are joined by passing the sum on, not
 * by adding two of them. Only the last part of a message may have an odd length. */
uint32_t checksum_add(const void *data, size_t length, uint32_t sum);

/* The ones' complement of a sum, ready to be stored as is. */
uint16_t checksum_fold(uint32_t sum);

#endif
