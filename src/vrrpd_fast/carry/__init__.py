"""What a MASTER carries in the kernel: addresses, routes, rules, and their announcements."""
