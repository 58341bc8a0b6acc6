"""The log of a process that was set up as ours are, for the length of a `with`."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from workers.logs import TALKATIVE, set_up_logging
from workers.settings import Settings


@contextmanager
def logging_as_a_process(settings: Settings) -> Iterator[io.StringIO]:
    """Everything that any logger writes; the test run's own handlers are set aside meanwhile."""
    root, stream = logging.getLogger(), io.StringIO()
    loggers = [root, *(logging.getLogger(name) for name in TALKATIVE)]
    levels = [logger.level for logger in loggers]
    kept, root.handlers[:] = root.handlers[:], []
    try:
        with patch.object(sys, "stderr", stream), patch.object(sys, "excepthook"):
            set_up_logging(settings)
            yield stream
    finally:
        root.handlers[:] = kept
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
