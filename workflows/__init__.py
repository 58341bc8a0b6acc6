"""The stories: deterministic, and told in the words of domain, steps and messages alone."""
