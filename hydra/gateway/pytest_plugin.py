"""The pytest fixture `hydra_gateway`, for test suites of other clients.

It is there wherever HYDRA is installed. It is a fresh gateway a test, stepped by command, on free
ports of the loopback.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hydra.gateway.embedded import EmbeddedGateway


@pytest.fixture
def hydra_gateway() -> Iterator[EmbeddedGateway]:
    """A gateway at `hydra_gateway.host` and `.port`; `.step(to)`, `.state()`, `.arm(fault)`."""
    from hydra.gateway.embedded import EmbeddedGateway  # not at every start of every pytest

    with EmbeddedGateway() as gateway:
        yield gateway
