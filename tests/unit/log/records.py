"""Log records for tests."""

import logging
import sys


def record(message: str, *args: object, level: int = logging.INFO, **more: object) -> logging.LogRecord:
    result = logging.LogRecord("vrrpd_fast.x", level, __file__, 12, message, args, None, func="speak")
    result.__dict__.update(more)
    return result


def failing(message: str = "it failed") -> logging.LogRecord:
    try:
        raise KeyError("gone")
    except KeyError:
        return logging.LogRecord("x", logging.ERROR, __file__, 1, message, (), sys.exc_info())
