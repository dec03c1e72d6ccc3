"""The control port and the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from ib_async import MarketOrder
from tornado.httpclient import AsyncHTTPClient

JSON = {"Content-Type": "application/json"}


async def fetch(gateway, path, command=None, headers=None):
    method = "GET" if command is None else "POST"
    answer = await AsyncHTTPClient().fetch(
        f"http://127.0.0.1:{gateway.control_port}{path}",
        method=method,
        body=command,
        headers={**(JSON if command else {}), **(headers or {})},
        raise_error=False,
    )
    return answer.code, json.loads(answer.body)


async def test_the_state_shows_the_books(gateway):
    code, state = await fetch(gateway, "/state")
    assert code == 200
    assert state == {
        "time": "2012-10-01T13:30:00Z",
        "session": "2012-10-01",
        "phase": "open",
        "account": "DU1234567",
        "net_liquidation": "1000000.00",
        "cash": "1000000.00",
        "balances": {"USD": "1000000.00"},
        "positions": [],
        "open_orders": [],
        "executions": [],
        "clients": [],
    }


async def test_the_clock_moves_by_name_by_time_and_by_sessions(gateway):
    assert (await fetch(gateway, "/clock", '{"to": "close"}'))[1]["phase"] == "closed"
    assert (await fetch(gateway, "/clock", '{"to": "open"}'))[1]["session"] == "2012-10-02"
    moved = await fetch(gateway, "/clock", '{"to": "2012-10-05T15:00:00Z"}')
    assert moved[1]["time"] == "2012-10-05T15:00:00Z"
    assert (await fetch(gateway, "/clock", '{"sessions": 3}'))[1]["session"] == "2012-10-10"


@pytest.mark.parametrize(
    "command",
    ["", "[]", "{}", '{"to": "yesterday"}', '{"to": 3}', '{"sessions": 0}', '{"sessions": "x"}'],
)
async def test_nonsense_is_answered_with_400_and_a_sentence(gateway, command):
    code, body = await fetch(gateway, "/clock", command)
    assert code == 400
    assert body["error"]


async def test_a_halt_holds_orders_back_until_trading_is_resumed(gateway, client, stock):
    gateway.exchange.venue.real |= {"halted_stock"}  # orders are taken in a halt
    assert await fetch(gateway, "/halt", '{"symbol": "AAPL"}') == (
        200,
        {"symbol": "AAPL", "halted": True},
    )
    trade = client.placeOrder(stock, MarketOrder("BUY", 100))
    await fetch(gateway, "/clock", '{"to": "2012-10-01T15:00:00Z"}')
    await client.reqUserInfoAsync()
    assert trade.fills == []
    resumed = await fetch(gateway, "/halt", '{"symbol": "AAPL", "resume": true}')
    assert resumed == (200, {"symbol": "AAPL", "halted": False})
    _, state = await fetch(gateway, "/clock", '{"to": "2012-10-01T15:01:00Z"}')
    _, state = await fetch(gateway, "/state")
    assert [done["quantity"] for done in state["executions"]] == ["100"]
    assert state["executions"][0]["time"] > "2012-10-01T15:00:00Z"


async def test_a_halt_with_an_end_ends_then(gateway, client, stock):
    gateway.exchange.venue.real |= {"halted_stock"}  # orders are taken in a halt
    await fetch(gateway, "/halt", '{"symbol": "AAPL", "until": "2012-10-01T14:00:00Z"}')
    client.placeOrder(stock, MarketOrder("BUY", 100))
    await client.reqUserInfoAsync()
    await fetch(gateway, "/clock", '{"to": "2012-10-01T14:30:00Z"}')
    _, state = await fetch(gateway, "/state")
    assert [done["time"] for done in state["executions"]] == ["2012-10-01T14:00:00Z"]


@pytest.mark.parametrize(
    "command",
    [
        *("{}", '{"symbol": 3}', '{"symbol": "NOBODY"}', '{"symbol": "AAPL", "resume": 1}'),
        '{"symbol": "AAPL", "until": "yesterday"}',
        '{"symbol": "AAPL", "until": "2012-09-28T14:00:00Z"}',
    ],
)
async def test_a_halt_that_makes_no_sense_is_answered_with_a_sentence(gateway, command):
    code, body = await fetch(gateway, "/halt", command)
    assert code == 400
    assert body["error"]


def run(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "hydra.gateway", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_it_listens_and_ends_cleanly(tmp_path, number):
    ready = tmp_path / "ready.json"
    process = run("--port=0", "--control-port=0", "--json", f"--ready-file={ready}")
    told = json.loads(process.stdout.readline())
    assert told == json.loads(ready.read_text())
    assert told["account"] == "DU1234567"
    os.kill(process.pid, number)
    assert process.wait(10) == 0
    assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--start=2012-10-06"], "2012-10-06 is no session"),
        (["--port=99999"], "99999 is no port"),
        (["--speed=-1"], "is no speed"),
        (["--account=X-1"], "is no account code"),
        (["--cash=nan"], "no amount of cash"),
    ],
)
def test_bad_arguments_end_with_2_and_one_sentence(arguments, sentence):
    process = run("--port=0", "--control-port=0", *arguments)
    assert process.wait(20) == 2
    assert sentence in process.stderr.read()


def test_the_gateway_never_imports_pandas():
    code = "import sys, hydra.gateway.__main__ as m; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_a_fault_is_armed_and_the_log_shows_what_it_did(gateway, client):
    code, armed = await fetch(gateway, "/faults", '{"on": "reqIds", "do": "say", "code": 1100}')
    assert (code, armed) == (200, {"armed": 1})
    client.client.reqIds(1)
    await client.reqUserInfoAsync()
    _, log = await fetch(gateway, "/log?after=0")
    names = [entry["name"] for entry in log["messages"]]
    assert names[0] == "startApi"
    asked = names.index("reqIds")
    assert names[asked + 1 : asked + 3] == ["nextValidId", "error"]
    assert log["messages"][asked + 2]["fields"]["code"] == 1100
    last = log["messages"][-1]["seq"]
    assert (await fetch(gateway, f"/log?after={last}"))[1] == {"messages": []}


async def test_a_script_is_armed_as_a_whole(gateway):
    script = json.dumps({"script": '[[fault]]\non = "reqIds"\ndo = "lose"\n' * 2})
    assert await fetch(gateway, "/faults", script) == (200, {"armed": 2})


@pytest.mark.parametrize("body", ["x", '{"do": "nonsense"}', '{"script": "[["}'])
async def test_a_fault_that_makes_no_sense_is_not_armed(gateway, body):
    code, answer = await fetch(gateway, "/faults", body)
    assert code == 400
    assert answer["error"]


async def test_the_effects_are_listed(gateway):
    _, listed = await fetch(gateway, "/faults")
    assert listed["effects"]["say"]["parameters"] == ["before", "code", "instead", "text"]


def test_a_scenario_is_taken_by_its_name(tmp_path):
    process = run("--port=0", "--control-port=0", "--faults=pacing_looks_like_no_data", "--json")
    assert json.loads(process.stdout.readline())["port"]
    process.terminate()
    assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("faults", "sentence"), [("pacing_lookslike", "pacing_looks_like_no_data"), ("bad", "no TOML")]
)
def test_a_script_that_cannot_be_used_ends_with_2_and_one_sentence(tmp_path, faults, sentence):
    (tmp_path / "bad").write_text("[[")
    chosen = tmp_path / faults if faults == "bad" else faults
    process = run("--port=0", "--control-port=0", f"--faults={chosen}")
    assert process.wait(20) == 2
    assert sentence in process.stderr.read()


def test_listening_beyond_the_loopback_is_warned_about():
    process = run("--host=0.0.0.0", "--port=0", "--control-port=0", "--json")
    assert json.loads(process.stdout.readline())["host"] == "0.0.0.0"
    process.terminate()
    assert process.wait(10) == 0
    assert "is not the loopback" in process.stderr.read()


CLOSE = '{"to": "close"}'


@pytest.mark.parametrize(
    ("headers", "code", "words"),
    [
        ({"Host": "gateway.example:4012"}, 403, "Host is 'gateway.example:4012'"),
        ({"Host": "127.0.0.1.example"}, 403, "Host is"),
        ({"Origin": "https://example.org"}, 403, "Origin is 'https://example.org'"),
        ({"Origin": "null"}, 403, "Origin is 'null'"),
        ({"Origin": "http://localhost.example.org"}, 403, "Origin is"),
        ({"Content-Type": "text/plain"}, 415, "a body must be application/json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "application/json"),
    ],
)
async def test_what_a_page_of_somebody_elses_can_send_is_refused(gateway, headers, code, words):
    answer = await fetch(gateway, "/clock", CLOSE, headers)
    assert (answer[0], list(answer[1])) == (code, ["error"])
    assert words in answer[1]["error"]
    assert (await fetch(gateway, "/state"))[1]["phase"] == "open"
    if code == 403:
        assert (await fetch(gateway, "/state", headers=headers))[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost:4012"},
        {"Host": "[::1]:4012"},
        {"Origin": "http://127.0.0.1:8888"},
        {"Origin": "http://localhost"},
        {"Content-Type": "application/json; charset=utf-8"},
    ],
)
async def test_what_comes_from_this_machine_is_taken(gateway, headers):
    assert (await fetch(gateway, "/clock", CLOSE, headers))[0] == 200


@pytest.mark.parametrize("path", ["/clock", "/halt", "/faults"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("[" * 5000 + "]" * 5000, "nested too deeply"),
        ('{"to": ' * 5000 + "1" + "}" * 5000, "nested too deeply"),
        ('{"to": ' * 300 + "1" + "}" * 300, "nested too deeply"),
        ('{"to": "\\ud800"}', "half a character"),
        ('{"\\udfff": "close"}', "half a character"),
    ],
)
async def test_json_that_no_command_is_made_of_is_answered_with_a_sentence(
    gateway, path, body, words
):
    code, answer = await fetch(gateway, path, body)
    assert (code, words in answer["error"]) == (400, True)
