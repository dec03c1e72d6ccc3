"""The pytest fixture `hydra_gateway`, for test suites of other clients.

`pytest_plugins = "hydra.gateway.pytest_plugin"` in a conftest.py enables it. It is a fresh gateway
a test, stepped by command, on free ports of the loopback.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hydra.gateway.embedded import EmbeddedGateway


@pytest.fixture
def hydra_gateway() -> Iterator[EmbeddedGateway]:
    """A gateway at `hydra_gateway.host` and `.port`; `.step(to)`, `.state()`, `.arm(fault)`."""
    with EmbeddedGateway() as gateway:
        yield gateway
