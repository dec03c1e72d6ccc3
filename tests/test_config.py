"""Settings rise in strength from file to environment, and a wrong one is named."""

from pathlib import Path

import pytest

from hydra.config import Settings, load_settings
from hydra.errors import ConfigError


def write(folder: Path, toml: str = "", env: str = "") -> Path:
    (folder / "hydra.toml").write_text(toml)
    (folder / ".env").write_text(env)
    return folder


def test_the_environment_beats_dot_env_which_beats_hydra_toml(tmp_path):
    write(
        tmp_path,
        '[gateway]\nhost = "a"\nport = 1\nclient_id = 7\n',
        "HYDRA_GATEWAY_HOST=b\nHYDRA_GATEWAY_PORT=2\n",
    )
    settings = load_settings(tmp_path, {"HYDRA_GATEWAY_HOST": "c"})
    gateway = settings.gateway
    assert (gateway.host, gateway.port, gateway.client_id) == ("c", 2, 7)


def test_without_any_source_the_defaults_hold(tmp_path):
    settings = load_settings(tmp_path, {})
    assert (settings.gateway.port, settings.data.dir.name) == (4002, ".hydra")


def test_the_file_is_found_from_a_folder_below_and_its_paths_count_from_it(tmp_path):
    write(tmp_path, '[data]\ndir = "mine"\n')
    below = tmp_path / "notebooks"
    below.mkdir()
    assert load_settings(below, {}).data.dir == tmp_path / "mine"


def test_the_search_begins_where_the_environment_says_and_not_in_the_current_folder(
    tmp_path, monkeypatch
):
    callers, other = tmp_path / "callers", tmp_path / "other"
    for folder, port in ((callers, 1), (other, 2)):
        folder.mkdir()
        write(folder, f"[gateway]\nport = {port}\n")
    monkeypatch.chdir(other)
    assert load_settings(environ={}).gateway.port == 2
    assert load_settings(environ={"HYDRA_SETTINGS_DIR": str(callers)}).gateway.port == 1
    with pytest.raises(ConfigError, match="HYDRA_SETTINGS_DIR is '/nowhere'; it must be a folder"):
        load_settings(environ={"HYDRA_SETTINGS_DIR": "/nowhere"})


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[gatway]\nport = 1\n", ["hydra.toml", "'gatway'", "did you mean 'gateway'"]),
        ("[gateway]\nprot = 1\n", ["hydra.toml", "'prot'", "did you mean 'port'"]),
        ('[gateway]\nport = "x"\n', ["hydra.toml", "port", "'x'", "a whole number"]),
        ("[gateway]\nport = 1.5\n", ["hydra.toml", "port", "1.5", "a whole number"]),
        ("[start]\nrunner = 3\n", ["hydra.toml", "runner", "true or false"]),
        ("[gateway]\nmarket_data_lines = 0\n", ["hydra.toml", "market_data_lines is 0", "1 or"]),
        ("[gateway]\nhistory_timeout_s = 0\n", ["hydra.toml", "history_timeout_s is 0", "> 0"]),
        ("gateway = 3\n", ["hydra.toml", "must be a table"]),
        ("[gateway\n", ["hydra.toml", "not valid TOML"]),
        ("[risk]\nhalt = 3\n", ["hydra.toml", "one table for each check"]),
    ],
)
def test_a_wrong_key_or_type_names_the_file_the_key_and_what_is_allowed(tmp_path, toml, words):
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, toml), {})
    for word in words:
        assert word in str(caught.value)


def test_a_misspelt_variable_is_an_error_and_names_the_nearest():
    with pytest.raises(
        ConfigError, match=r"HYDRA_GATEWAY_PROT.*did you mean 'HYDRA_GATEWAY_PORT'"
    ):
        load_settings(Path("/"), {"HYDRA_GATEWAY_PROT": "1"})


def test_credentials_and_variables_of_hydra_core_are_passed_over(tmp_path):
    write(tmp_path, "", "TWS_USERID=me\nJUPYTER_TOKEN=t\n")
    assert load_settings(tmp_path, {"HYDRA_FULL_ERROR": "1", "PATH": "x"}) == Settings()


def test_a_list_may_be_a_text_in_a_variable(tmp_path):
    settings = load_settings(tmp_path, {"HYDRA_TRADING_SYMBOLS": "AAPL, IBM"})
    assert settings.trading.symbols == ("AAPL", "IBM")
