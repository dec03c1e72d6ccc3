"""Only the gate makes an order, and only one place reaches the wire."""

import ast
from pathlib import Path

import hydra

PACKAGE = Path(hydra.__file__).parent


def calls(name):
    """Files of the package, the simulated gateway apart, that call something of that name."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).parts
        if parts[0] == "gateway":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _called(node.func) == name:
                found.add("/".join(parts))
    return found


def _called(function):
    return getattr(function, "attr", getattr(function, "id", None))


def test_only_the_gate_makes_an_order():
    assert calls("Order") == {"risk/_gate.py"}


def test_only_the_ib_adapter_reaches_place_order():
    assert calls("placeOrder") == {"brokers/ib.py"}


def test_only_the_engine_submits():
    assert calls("submit") == {"execution/engine.py"}


def test_only_the_engine_sends_brackets_and_the_adapters_themselves():
    assert calls("submit_attached") == {
        "brokers/ib.py",
        "brokers/memory.py",
        "execution/engine.py",
    }


def test_only_the_engine_changes_orders_at_a_broker():
    assert calls("modify") == {
        "execution/engine.py",
        "execution/desk.py",
        "algos/patient_limit.py",
        "paper_check/trading.py",  # the engine's own
    }


def test_only_the_ib_adapter_asks_what_if_and_no_name_is_looked_up_to_get_around():
    assert calls("whatIfOrderAsync") == {"brokers/ib.py"}
    assert calls("whatIfOrder") == set()
    hidden = {
        "/".join(path.relative_to(PACKAGE).parts)
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] != "gateway"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in ("placeOrder", "_placeOrder")
    }
    assert hidden == set()
