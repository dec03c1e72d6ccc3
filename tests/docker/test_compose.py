"""What the compose files promise, read from them: no engine is needed."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from hydra.config import Gateway, Settings
from hydra.errors import HydraError
from hydra.runner import doctor
from tests.conftest import ROOT

DOCKER = Path(ROOT) / "docker"
MAIN = yaml.safe_load((DOCKER / "docker-compose.yml").read_text())["services"]
VNC = yaml.safe_load((DOCKER / "docker-compose.vnc.yml").read_text())["services"]


def test_every_log_has_a_limit():
    assert {str(service["logging"]) for service in MAIN.values()} == {
        "{'driver': 'json-file', 'options': {'max-size': '10m', 'max-file': '3'}}"
    }


def test_the_gateways_image_is_a_version_that_a_variable_replaces():
    images = {MAIN[name]["image"] for name in ("ib-gateway", "ib-gateway-settings")}
    assert images == {"${IB_GATEWAY_IMAGE:-ghcr.io/gnzsnz/ib-gateway:10.45.1j}"}


def test_settings_are_mounted_as_a_folder_and_no_secret_lies_in_a_mount_of_hydras():
    sources = [volume.split(":/")[0] for volume in MAIN["hydra"]["volumes"]]
    assert sources == ["data", "${PROJECT_DIR:-..}/notebooks", "${PROJECT_DIR:-..}/config"]
    assert MAIN["hydra"]["environment"]["HYDRA_SETTINGS_DIR"] == "/work/config"
    assert "secrets" not in MAIN["hydra"]


@pytest.mark.parametrize("services", [MAIN, VNC])
def test_ports_are_published_on_the_loopback_alone(services):
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_vnc_is_published_only_by_its_own_file_and_with_a_password_from_a_secret():
    assert not [p for service in MAIN.values() for p in service.get("ports", []) if "5900" in p]
    gateway = VNC["ib-gateway"]
    assert gateway["ports"] == ["127.0.0.1:5900:5900"]
    assert gateway["environment"] == {"VNC_SERVER_PASSWORD_FILE": "/run/secrets/vnc_password"}
    assert "vnc_password" in gateway["secrets"]
    assert "is empty" in VNC["ib-gateway-settings"]["entrypoint"][-1]


def test_the_gateway_takes_orders_of_the_configured_size_and_starts_with_credentials_only():
    environment = MAIN["ib-gateway"]["environment"]
    assert environment["BYPASS_WARNING"] == "yes"
    assert environment["READ_ONLY_API"] == "no"
    assert "ib-gateway-settings" in MAIN["ib-gateway"]["depends_on"]
    assert "No gateway is started" in MAIN["ib-gateway-settings"]["entrypoint"][-1]


async def test_doctor_says_that_no_gateway_was_started_where_its_name_is_nobodys(monkeypatch):
    def nobody(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    settings = replace(Settings(), gateway=Gateway(host="ib-gateway", port=4004))
    with pytest.raises(HydraError, match=r"Nothing is called 'ib-gateway'.*--profile sim"):
        await doctor._gateway(settings)
