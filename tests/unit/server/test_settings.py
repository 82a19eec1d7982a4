"""Settings: where each comes from, and what is refused."""

from pathlib import Path

import pytest

from repit_server.settings import EXPLANATIONS, Clock, LogLevel, Settings, SettingsError, is_loopback, names, resolve


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_every_setting_is_explained() -> None:
    assert tuple(EXPLANATIONS) == names()


def test_without_anything_given_the_defaults_hold() -> None:
    resolved = resolve(environment={})
    assert resolved.settings == Settings()
    assert set(resolved.sources.values()) == {"default"}


def test_the_file_beats_the_default_the_environment_the_file_and_a_flag_the_environment(tmp_path: Path) -> None:
    file = write(tmp_path / "repit.toml", 'store = "memory"\nlisten = "127.0.0.1:1"\ntarget = "127.0.0.1:2"\n')
    resolved = resolve(
        config=file,
        environment={"REPIT_LISTEN": "127.0.0.1:3", "REPIT_TARGET": "127.0.0.1:4", "HOME": "/"},
        flags={"target": "127.0.0.1:5", "store": None},
    )
    assert (resolved.settings.store, resolved.settings.listen, resolved.settings.target) == (
        "memory",
        "127.0.0.1:3",
        "127.0.0.1:5",
    )
    assert resolved.sources["store"] == f"file {file}"
    assert resolved.sources["listen"] == "environment REPIT_LISTEN"
    assert resolved.sources["target"] == "flag --target"


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "repit.toml", 'log_level = "debug"\n')
    assert resolve(environment={"REPIT_CONFIG": str(file)}).settings.log_level is LogLevel.DEBUG


@pytest.mark.parametrize("text", ['stores = "memory"\n', '[server]\nstore = "memory"\n'])
def test_an_unknown_setting_in_the_file_is_named_with_its_file(tmp_path: Path, text: str) -> None:
    file = write(tmp_path / "repit.toml", text)
    with pytest.raises(SettingsError, match=r"repit.toml` gives `(stores|server)`, which is no setting"):
        resolve(config=file, environment={})


def test_an_unknown_setting_in_the_environment_is_named() -> None:
    with pytest.raises(SettingsError, match="REPIT_STORES"):
        resolve(environment={"REPIT_STORES": "memory"})


def test_a_file_that_is_not_toml_or_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not TOML"):
        resolve(config=write(tmp_path / "repit.toml", "store: memory"), environment={})
    with pytest.raises(SettingsError, match="cannot be read"):
        resolve(config=tmp_path / "absent.toml", environment={})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("store", "embedded:"),
        ("store", "postgres://localhost"),
        ("store", "disk"),
        ("listen", "7447"),
        ("listen", "127.0.0.1:99999"),
        ("clock", "sundial"),
        ("max_in_flight", "0"),
        ("max_in_flight", "many"),
        ("grace_seconds", "-1"),
        ("grace_seconds", "nan"),
        ("log_level", "loud"),
    ],
)
def test_a_wrong_value_is_named_with_its_setting_and_place(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"`{name}` \(environment REPIT_{name.upper()}\)"):
        resolve(environment={f"REPIT_{name.upper()}": value})


def test_a_password_does_not_stand_in_the_store_but_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="redis_password_file") as refusal:
        resolve(environment={"REPIT_STORE": "redis://:open-sesame@localhost:6379/0"})
    secret = write(tmp_path / "password", "p@ss/word\n")
    settings = Settings(store="redis://localhost:6379/2", redis_password_file=secret)
    assert settings.store_address() == "redis://:p%40ss%2Fword@localhost:6379/2"
    assert "write the password into a file" in refusal.value.remedy


def test_a_password_file_needs_a_redis_and_must_be_readable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no Redis"):
        Settings(store="memory", redis_password_file=tmp_path / "password").store_address()
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings(store="redis://localhost:6379", redis_password_file=tmp_path / "password").store_address()


@pytest.mark.parametrize("address", ["0.0.0.0:7447", "[::]:7447", "192.0.2.1:7447", "example.org:7447"])
def test_the_clock_of_requests_is_refused_on_an_address_that_others_reach(address: str) -> None:
    with pytest.raises(SettingsError, match="not a loopback address"):
        resolve(flags={"clock": "request", "listen": address}, environment={})


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:7447", "localhost:7447", "127.9.9.9:1"])
def test_the_clock_of_requests_is_taken_on_loopback(address: str) -> None:
    assert is_loopback(address)
    assert resolve(flags={"clock": "request", "listen": address}, environment={}).settings.clock is Clock.REQUEST
