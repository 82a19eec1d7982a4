"""Log lines: one JSON object each for programs, one sentence each for people on a terminal."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Final, TextIO

from repit_server.settings import LogFormat, LogLevel

LOGGER: Final = logging.getLogger("repit")

_FIELDS: Final = "repit_fields"


def log_event(level: int, event: str, **fields: object) -> None:
    """Write one line: what happened, in one word, and its figures.

    Never a customer's id, unless `level` is DEBUG.
    """
    LOGGER.log(level, event, extra={_FIELDS: fields}, exc_info=level >= logging.ERROR and sys.exc_info()[0] is not None)


def configure_logging(level: LogLevel, log_format: LogFormat, stream: TextIO) -> None:
    """Send the lines of this process to `stream`."""
    is_text = log_format is LogFormat.TEXT or (log_format is LogFormat.AUTO and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter() if is_text else JsonFormatter())
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(level.value.upper())
    LOGGER.propagate = False


class JsonFormatter(logging.Formatter):
    """`{"time": …, "level": …, "event": …, …}` on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        line = {"time": _time(record), "level": record.levelname.lower(), "event": record.getMessage()}
        line |= getattr(record, _FIELDS, {})
        if record.exc_info:
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """`14:05:31 info serving address=127.0.0.1:7447`."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        fields = " ".join(f"{name}={value}" for name, value in getattr(record, _FIELDS, {}).items())
        line = f"{_time(record)[11:19]} {record.levelname.lower()} {record.getMessage()} {fields}".rstrip()
        if record.exc_info:
            line += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        return line


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
