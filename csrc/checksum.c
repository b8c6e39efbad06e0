/* The contract is in checksum.h. */
#include "checksum.h"

#include <string.h>

uint32_t checksum_add(const void *data, size_t length, uint32_t sum)
{
	const uint8_t *bytes = data;
	uint64_t total = sum;

	/* Four bytes at a time: 2^32 ≡ 2^16 ≡ 1 modulo 2^16 - 1, so wider words fold to the same sum.
	 * memcpy is the load that may be unaligned. */
	for (; length >= 4; length -= 4, bytes += 4) {
		uint32_t word;
		memcpy(&word, bytes, sizeof word);
		total += word;
	}
	/* What is left is padded with zero bytes behind it (RFC 1071 section 4.1). */
	if (length > 0) {
		uint32_t word = 0;
		memcpy(&word, bytes, length);
		total += word;
	}
	total = (total & UINT32_MAX) + (total >> 32);
	total = (total & UINT32_MAX) + (total >> 32);
	return (uint32_t)total;
}

uint16_t checksum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}
