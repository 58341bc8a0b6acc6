"""The audit's parts: database against itself, against Temporal, and against the vendors."""
