"""Every activity call: its timeout, its retries, its queue."""
