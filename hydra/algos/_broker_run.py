"""Algorithms that the broker runs: one child that carries the algorithm's name and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hydra.algos._base import Desk
from hydra.domain.orders import OrderRequest


async def hand_over(
    request: OrderRequest, desk: Desk, name: str, parameters: Mapping[str, str]
) -> None:
    """Send all of the request with IB's algorithm and wait until it has ended."""
    child = replace(
        request, quantity=desk.unplaced, broker_algo=name, broker_algo_parameters=parameters
    )
    await desk.ended(await desk.place(child), desk.closes)


def flag(value: bool) -> str:
    """IB's way to write a yes or no."""
    return "1" if value else "0"
