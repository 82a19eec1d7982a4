"""One `Settings`: defaults < TOML file < environment < flags, and for each value where it came from."""

import ipaddress
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

PREFIX: Final = "REPIT_"
"""What the name of a setting begins with in the environment."""
CONFIG_VARIABLE: Final = "REPIT_CONFIG"
"""Names the TOML file where `--config` does not."""
DEFAULT_ADDRESS: Final = "127.0.0.1:7447"
"""Where the server listens and where commands look for it."""


class SettingsError(ValueError):
    """A setting is unknown or wrong. `problem` says which and where it was given, `remedy` what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        """Keep both sentences."""
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


class Clock(Enum):
    """Where the time of a decision comes from."""

    SYSTEM = "system"
    """This machine's clock."""
    REQUEST = "request"
    """Each request's `as_of_time`: replays and tests. Only on a loopback address."""


class Door(Enum):
    """Who takes calls from the wire; both give the same answers."""

    RUST = "rust"
    """The engine itself; what it does not know goes on to the Python server."""
    PYTHON = "python"
    """The Python server, grpcio: an order of magnitude slower."""


class LogFormat(Enum):
    """How log lines are written."""

    AUTO = "auto"
    """For people on a terminal, else as JSON."""
    JSON = "json"
    TEXT = "text"


class LogLevel(Enum):
    """From which level on log lines are written; customers are named on `debug` only."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of the server and of the commands."""

    store: str = "embedded:repit-data"
    listen: str = DEFAULT_ADDRESS
    target: str = DEFAULT_ADDRESS
    door: Door = Door.RUST
    clock: Clock = Clock.SYSTEM
    catalog: Path | None = None
    redis_password_file: Path | None = None
    max_in_flight: int = 1_024
    grace_seconds: float = 10.0
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.AUTO

    def store_address(self) -> str:
        """Give the store as the engine opens it: with the password of Redis, where a file holds one.

        Raises `SettingsError` where that file cannot be read or the store is no Redis.
        """
        if self.redis_password_file is None:
            return self.store
        url = urlsplit(self.store)
        if url.scheme not in {"redis", "rediss"}:
            problem = f"`redis_password_file` is set, but the store `{self.store}` is no Redis"
            raise SettingsError(problem, "leave it out or name the store `redis://HOST:PORT/DB`")
        try:
            password = self.redis_password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            problem = f"the file `{self.redis_password_file}` of `redis_password_file` cannot be read ({error})"
            raise SettingsError(problem, "name a readable file that holds the password alone") from None
        host = url.netloc.rpartition("@")[2]
        user = quote(url.username or "", safe="")
        return urlunsplit(url._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))


EXPLANATIONS: Final[Mapping[str, str]] = {
    "store": "`memory`, `embedded:DIR` or `redis://HOST:PORT/DB`",
    "listen": "the server's address, HOST:PORT; port 0 takes a free one",
    "target": "the server that `ask`, `explain`, `apply` and `import` speak to",
    "door": "who answers at the address: `rust`, or `python` for plain grpcio",
    "clock": "`system`, or `request` to take the time from each request",
    "catalog": "a catalog document that `serve` applies when it starts",
    "redis_password_file": "a file that holds the password of Redis",
    "max_in_flight": "requests in work at once; more are told to come back",
    "grace_seconds": "how long requests in work may take when the server stops",
    "log_level": "`debug`, `info`, `warning` or `error`",
    "log_format": "`json`, `text`, or `auto`: text on a terminal",
}
"""What each setting is for."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings that hold, and where each came from, in words."""

    settings: Settings
    sources: Mapping[str, str]


def resolve(
    *,
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> Resolved:
    """Put the settings together; flags that are None were not given.

    Raises `SettingsError` for an unknown or a wrong setting, naming where it was given.
    """
    variables = os.environ if environment is None else environment
    if config is None and variables.get(CONFIG_VARIABLE):
        config = Path(variables[CONFIG_VARIABLE])
    values: dict[str, Any] = {}
    sources = dict.fromkeys(names(), "default")
    for given, source in (*_of_file(config), *_of_environment(variables), *_of_flags(flags or {})):
        name, value = given
        values[name] = _parsed(name, value, source)
        sources[name] = source
    settings = Settings(**values)
    _check(settings, sources)
    return Resolved(settings, MappingProxyType(sources))


def names() -> tuple[str, ...]:
    """List the names of all settings."""
    return tuple(entry.name for entry in fields(Settings))


def written(value: object) -> str | int | float | None:
    """Write a value as a TOML file or a flag would."""
    if isinstance(value, Enum):
        return str(value.value)
    return str(value) if isinstance(value, Path) else value  # type: ignore[return-value]


_Given = list[tuple[tuple[str, object], str]]


def _of_file(path: Path | None) -> _Given:
    if path is None:
        return []
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"the settings file `{path}` cannot be read ({error.strerror or error})"
        raise SettingsError(problem, "name a TOML file with `--config`") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file `{path}` is not TOML ({error})", "write `name = value` lines") from None
    for name in table:
        _require_known(name, f"the settings file `{path}`")
    return [(entry, f"file {path}") for entry in table.items()]


def _of_environment(variables: Mapping[str, str]) -> _Given:
    given: _Given = []
    for variable in sorted(variables):
        if not variable.startswith(PREFIX) or variable == CONFIG_VARIABLE:
            continue
        name = variable.removeprefix(PREFIX).lower()
        _require_known(name, f"the environment (`{variable}`)")
        given.append(((name, variables[variable]), f"environment {variable}"))
    return given


def _of_flags(flags: Mapping[str, object]) -> _Given:
    return [((name, value), f"flag --{name.replace('_', '-')}") for name, value in flags.items() if value is not None]


def _require_known(name: str, place: str) -> None:
    if name not in names():
        raise SettingsError(f"{place} gives `{name}`, which is no setting", f"use one of {', '.join(names())}")


def _parsed(name: str, value: object, source: str) -> object:
    try:
        return _PARSERS[name](value)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"the setting `{name}` ({source}) cannot be `{written(value)}`", str(error)) from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("write some text")
    return value.strip()


def _store(value: object) -> str:
    text = _text(value)
    known = text == "memory" or text.removeprefix("embedded:") not in {"", text} or "://" in text
    if not known or ("://" in text and urlsplit(text).scheme not in {"redis", "rediss"}):
        raise ValueError("write `memory`, `embedded:DIR` or `redis://HOST:PORT/DB`")
    if urlsplit(text).password:
        raise ValueError("write the password into a file and name that file with `redis_password_file`")
    return text


def _address(value: object) -> str:
    text = _text(value)
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004 - the last port
        raise ValueError("write HOST:PORT, as in `127.0.0.1:7447` or `[::1]:7447`")
    return text


def _path(value: object) -> Path | None:
    return value if isinstance(value, Path) else Path(_text(value))


def _one_of(kind: type[Enum]) -> Callable[[object], Enum]:
    def parse(value: object) -> Enum:
        if isinstance(value, kind):
            return value
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"write one of {', '.join(str(member.value) for member in kind)}") from None

    return parse


def _between(lowest: float, highest: float, kind: type[int] | type[float]) -> Callable[[object], float]:
    def parse(value: object) -> float:
        try:
            number = kind(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
        except ValueError:
            number = None
        if number is None or not lowest <= number <= highest:
            raise ValueError(f"write a number from {lowest:g} to {highest:g}")
        return number

    return parse


_PARSERS: Final[Mapping[str, Callable[[object], object]]] = {
    "store": _store,
    "listen": _address,
    "target": _address,
    "door": _one_of(Door),
    "clock": _one_of(Clock),
    "catalog": _path,
    "redis_password_file": _path,
    "max_in_flight": _between(1, 1_000_000, int),
    "grace_seconds": _between(0, 3_600, float),
    "log_level": _one_of(LogLevel),
    "log_format": _one_of(LogFormat),
}


def _check(settings: Settings, sources: Mapping[str, str]) -> None:
    if settings.clock is Clock.REQUEST and not is_loopback(settings.listen):
        problem = f"`clock` is `request` ({sources['clock']}), but `{settings.listen}` is not a loopback address"
        remedy = "whoever names the time decides what is counted: listen on 127.0.0.1 or use the system clock"
        raise SettingsError(problem, remedy)


def is_loopback(address: str) -> bool:
    """Whether HOST:PORT can be reached from this machine alone."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
