"""The only writes the API may make: what came in, who may call, what was answered, who did what."""
