"""The one-machine stack: databases, Temporal, sandbox, mail, API and workers, supervised."""
