"""Log lines: JSON for programs, text for people."""

import io
import json
import logging

import pytest

from repit_server.settings import LogFormat, LogLevel
from repit_server.telemetry import LOGGER, configure_logging, log_event


@pytest.fixture(autouse=True)
def restored_logger() -> object:
    yield
    LOGGER.handlers[:] = []
    LOGGER.propagate = True


def lines_of(log_format: LogFormat, *, level: LogLevel = LogLevel.INFO) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(level, log_format, stream)
    return stream


def test_a_line_for_programs_is_one_json_object() -> None:
    stream = lines_of(LogFormat.JSON)
    log_event(logging.INFO, "serving", address="127.0.0.1:7447")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["address"]) == ("serving", "info", "127.0.0.1:7447")
    assert line["time"].endswith("Z")


def test_what_is_not_a_terminal_gets_json_unless_text_is_asked_for() -> None:
    stream = lines_of(LogFormat.AUTO)
    log_event(logging.INFO, "stopped")
    assert json.loads(stream.getvalue())["event"] == "stopped"
    stream = lines_of(LogFormat.TEXT)
    log_event(logging.INFO, "serving", address="a:1")
    assert stream.getvalue().endswith("info serving address=a:1\n")


def test_lines_below_the_level_are_not_written() -> None:
    stream = lines_of(LogFormat.JSON, level=LogLevel.WARNING)
    log_event(logging.INFO, "serving")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.TEXT])
def test_a_fault_is_written_with_its_traceback(log_format: LogFormat) -> None:
    stream = lines_of(log_format)
    try:
        json.loads("the cat sat on the keyboard")
    except ValueError:
        log_event(logging.ERROR, "fault", method="ExplainCustomer")
    assert "JSONDecodeError" in stream.getvalue()
