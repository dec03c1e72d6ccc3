"""Recordings of real gateways: what passes, what is kept, and what differs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from ib_async import IB, LimitOrder, Stock

from hydra.gateway.codec import join_fields
from hydra.gateway.comparison import compare, lacking
from hydra.gateway.embedded import stepped
from hydra.gateway.errors import SettingsError
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.layout import rows
from hydra.gateway.messages import REQUESTS, RESPONSES, encode
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.plain import REQUEST_NAMES, RESPONSE_NAMES, message_of, tree_of
from hydra.gateway.realism_command import main
from hydra.gateway.recorder import RecordingProxy, stamped_time, upstream_of
from hydra.gateway.recording import Entry, Recording, load_recording
from hydra.gateway.redaction import Redactor, is_allowed, known_text
from hydra.gateway.replaying import replay
from hydra.gateway.responses import AccountValue, Error, ManagedAccounts, Position
from hydra.gateway.server import GatewayServer, serve
from hydra.gateway.values import CONDITIONS, Contract, PriceCondition, TagValue
from hydra.gateway.wiretap import Wiretap

APPLE = Contract(conId=265598, symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
PERSONAL = {
    "account", "accounts", "orderRef", "ocaGroup", "modelCode", "faGroup", "faProfile", "xml",
    "clearingAccount", "settlingFirm", "extOperator", "softDollarName", "mifid2DecisionMaker",
    "mifid2ExecutionTrader", "familyCode", "whiteBrandingId", "optionalCapabilities", "headline",
    "designatedLocation", "apiData", "opaqueIsvKey", "permId", "execId", "warningText",
    "contractInfo", "avgCost", "averageCost", "marketValue", "unrealizedPNL", "realizedPNL",
    "daily", "secId",
    "advancedOrderRejectJson", "advancedErrorOverride", "orderMiscOptions", "comboLegsDescrip",
}  # fmt: skip


@pytest.fixture
async def proxy(gateway: GatewayServer) -> AsyncIterator[RecordingProxy]:
    """A proxy before a stepped gateway, on the gateway's own clock."""
    recorder = RecordingProxy(
        ("127.0.0.1", gateway.port), clock=lambda: gateway.exchange.venue.now.timestamp()
    )
    await recorder.listen()
    yield recorder
    await recorder.close()


async def converse(gateway: GatewayServer, port: int) -> None:
    """An unmodified client connects, looks, trades and leaves."""
    ib = IB()
    await ib.connectAsync("127.0.0.1", port, clientId=1, raiseSyncErrors=True)
    (stock,) = await ib.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
    assert stock is not None
    await ib.reqHistoricalDataAsync(stock, "", "2 D", "1 hour", "TRADES", True)
    trade = ib.placeOrder(stock, LimitOrder("BUY", 10, 1, orderRef="my own words", tif="DAY"))
    while trade.orderStatus.status != "Submitted":
        await asyncio.wait_for(ib.updateEvent, 30)
    ib.cancelOrder(trade.order)
    while not trade.isDone():
        await asyncio.wait_for(ib.updateEvent, 30)
    ib.disconnect()


@pytest.fixture
async def recording(gateway: GatewayServer, proxy: RecordingProxy) -> Recording:
    """What an unmodified client and our own gateway said."""
    await converse(gateway, proxy.port)
    await proxy.close()
    return load_recording(proxy.recording.dump())


async def test_bytes_pass_unchanged_in_both_directions(gateway: GatewayServer) -> None:
    heard: dict[str, bytes] = {"client": b"", "gateway": b"", "to client": b"", "to gateway": b""}

    async def between(name: str, port: int) -> asyncio.Server:
        """A relay that remembers what it passes on, `name` being what it stands before."""

        async def pipe(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str
        ) -> None:
            while data := await reader.read(7):
                heard[key] += data
                writer.write(data)
            writer.close()

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, onward = await asyncio.open_connection("127.0.0.1", port)
            out, home = {"proxy": ("client", "to client"), "gateway": ("to gateway", "gateway")}[
                name
            ]
            await asyncio.gather(pipe(reader, onward, out), pipe(there, writer, home))

        return await asyncio.start_server(relay, "127.0.0.1", 0)

    behind = await between("gateway", gateway.port)
    recorder = RecordingProxy(("127.0.0.1", behind.sockets[0].getsockname()[1]))
    await recorder.listen()
    before = await between("proxy", recorder.port)
    await converse(gateway, before.sockets[0].getsockname()[1])
    await recorder.close()
    before.close()
    behind.close()
    assert len(heard["client"]) > 300
    assert heard["client"] == heard["to gateway"]
    assert heard["gateway"][: len(heard["to client"])] == heard["to client"]
    assert len(heard["to client"]) > 5000


async def test_a_recording_of_our_own_gateway_replayed_gives_no_difference(
    recording: Recording,
) -> None:
    assert compare(recording, replay(recording)) == []
    assert {"placeOrder", "openOrder", "historicalData", "error"} <= {
        entry.message for entry in recording.entries
    }


async def test_nobody_s_own_words_and_accounts_are_kept(recording: Recording) -> None:
    text = recording.dump()
    assert "my own words" not in text
    assert "DU1234567" not in text
    assert "DU0000001" in text
    assert '"NetLiquidation", "value": "1"' in text


def altered(recording: Recording, message: str, **changes: str) -> Recording:
    """The recording with other values in the first message of a name."""
    entries = list(recording.entries)
    at = next(i for i, entry in enumerate(entries) if entry.message == message)
    entries[at] = replace(entries[at], fields=entries[at].fields | changes)
    return replace(recording, entries=entries)


async def test_a_message_that_is_gone_from_the_recording_is_named(recording: Recording) -> None:
    kept = [entry for entry in recording.entries if entry.message != "contractDataEnd"]
    (difference,) = compare(replace(recording, entries=kept), replay(recording))
    assert (difference.kind, difference.what) == ("extra", "contractDataEnd")


async def test_a_message_that_ours_does_not_say_is_named(recording: Recording) -> None:
    simulated = replay(recording)
    kept = [entry for entry in simulated.entries if entry.message != "contractDataEnd"]
    (difference,) = compare(recording, replace(simulated, entries=kept))
    assert (difference.kind, difference.what) == ("missing", "contractDataEnd")


@pytest.mark.parametrize(
    ("message", "changes", "kind", "what"),
    [
        ("contractData", {"stockType": "ETF"}, "field", "stockType"),
        ("orderStatus", {"status": "Inactive"}, "field", "orderStatus"),
        ("error", {"code": "2103"}, "code", "error"),
        ("contractData", {"newer": "1"}, "name", "newer is not there"),
        ("orderStatus", {"permId": "0"}, "field", "permId"),
    ],
)
async def test_an_altered_message_is_named_by_kind(
    recording: Recording, message: str, changes: dict[str, str], kind: str, what: str
) -> None:
    (difference,) = compare(altered(recording, message, **changes), replay(recording))
    assert (difference.kind, difference.what) == (kind, what)


async def test_another_order_of_messages_is_one_difference(recording: Recording) -> None:
    entries = list(recording.entries)
    first = next(i for i, entry in enumerate(entries) if entry.message == "openOrder")
    second = next(i for i, entry in enumerate(entries) if entry.message == "orderStatus")
    entries[first], entries[second] = entries[second], entries[first]
    (difference,) = compare(replace(recording, entries=entries), replay(recording))
    assert difference.kind == "order"


async def test_an_answer_that_came_much_later_is_a_difference_of_timing(
    recording: Recording,
) -> None:
    entries = [
        replace(entry, at=entry.at + 9) if entry.message == "historicalData" else entry
        for entry in recording.entries
    ]
    simulated = replay(recording)
    (difference,) = compare(replace(recording, entries=entries), simulated)
    assert (difference.kind, difference.recorded) == ("timing", "9.0 s")
    assert compare(replace(recording, entries=entries), simulated, tolerance_s=10) == []


async def test_what_must_differ_is_compared_by_its_form(recording: Recording) -> None:
    changed = altered(recording, "orderStatus", permId="987")
    changed = altered(changed, "nextValidId", orderId="275")
    assert compare(changed, replay(recording)) == []


async def test_fields_that_the_version_lacks_are_listed_apart(recording: Recording) -> None:
    assert lacking(recording) == []
    old = altered(recording, "greeting", version="165")
    assert "error.advancedOrderRejectJson (since 166; this is 165)" in lacking(old)


@pytest.mark.parametrize("version", [157, 163, 170, 178])
def test_a_message_is_the_same_after_it_was_a_tree(version: int) -> None:
    order = PlaceOrder(
        1,
        APPLE,
        action="BUY",
        algoStrategy="Vwap",
        algoParams=(TagValue("maxPctVol", "0.1"),),
        conditions=(PriceCondition("a", True, 3, 265598, "SMART", 0),),  # type: ignore[arg-type]
    )
    again = message_of(PlaceOrder, tree_of(order, version), version)
    assert encode(again, version) == encode(order, version)


def test_every_field_of_every_message_is_kept_or_replaced_and_nothing_personal_is_kept() -> None:
    kept = {
        f"{message}.{row.name}"
        for message, cls in {**REQUEST_NAMES, **RESPONSE_NAMES}.items()
        for row in rows(cls)
        if row.name in PERSONAL and is_allowed(message, row.name)
    }
    assert kept == set()
    names = {row.name for cls in [*REQUESTS.values(), *RESPONSES.values()] for row in rows(cls)}
    assert PERSONAL - {"familyCode"} <= names
    assert {field.name for cls in CONDITIONS.values() for field in fields(cls)}


def test_accounts_and_amounts_are_replaced_by_others_of_the_same_type() -> None:
    redactor = Redactor()
    accounts = redactor.redact(ManagedAccounts("DU7654321,DU7654322"), 178)
    assert accounts == {"accounts": "DU0000001,DU0000002"}
    value = redactor.redact(AccountValue("NetLiquidation", "987654.32", "USD", "DU7654322"), 178)
    assert value["value"] == "1"
    assert value["account"] == "DU0000002"
    position = redactor.redact(Position("DU7654321", APPLE, -300, 12.5), 178)  # type: ignore[arg-type]
    assert (position["position"], position["avgCost"]) == ("-1", "1")


@pytest.mark.parametrize(
    ("code", "text", "kept"),
    [
        (2104, "Market data farm connection is OK:usfarm", None),
        (202, "Order Canceled - reason:", None),
        (201, "Order rejected - reason:the account of Jane Doe", "Order rejected - reason:…"),
        (2104, "Jane Doe", "text"),
        (202, "Order Canceled - reason:jane", "Order Canceled - reason:…"),
        (99999, "whatever DU7654321", "text"),
    ],
)
def test_of_a_text_only_what_is_published_is_kept(code: int, text: str, kept: str | None) -> None:
    assert known_text(code, text) == (kept or text)
    assert Redactor().redact(Error(-1, code, text), 178)["text"] == (kept or text)


async def test_nothing_is_passed_to_a_live_account_and_nothing_is_recorded() -> None:
    settings = stepped(
        exchange=ExchangeSettings(account="U1234567"),
    )
    async with await serve(settings) as live:
        recorder = RecordingProxy(("127.0.0.1", live.port))
        await recorder.listen()
        ib = IB()
        with pytest.raises((ConnectionError, TimeoutError, asyncio.CancelledError)):
            await ib.connectAsync("127.0.0.1", recorder.port, clientId=1, timeout=2)
        await asyncio.wait_for(recorder.ended.wait(), 30)
        await recorder.close()
        heard = {entry["name"] for entry in live.record.after(0) if entry["direction"] == "in"}
    assert heard == {"startApi"}
    assert "not one of paper trading" in recorder.refusal


def test_what_a_client_says_before_the_accounts_are_known_is_held_back() -> None:
    kept: list[Entry] = []
    tap = Wiretap(1, Redactor(), kept.append)
    start = encode(message_of(REQUEST_NAMES["startApi"], {"clientId": "1"}, 178), 178)
    opening = b"API\0\0\0\0\x09v157..178"
    order = encode(PlaceOrder(1, APPLE, action="BUY"), 178)
    assert tap.hear_client(opening, 0) == opening
    tap.hear_gateway(join_fields(["178", "20121001 09:31:07 EST"]), 0)
    assert tap.hear_client(start + order, 0) == start
    assert tap.released() == b""
    told = encode(ManagedAccounts("DU1"), 178)
    assert tap.hear_gateway(told, 0) == told
    assert tap.released() == order
    assert tap.released() == b""


@pytest.mark.parametrize("accounts", ["U123", "DU1,U2", "", "F123", "du1"])
def test_only_accounts_of_paper_trading_are_recorded(accounts: str) -> None:
    tap = Wiretap(1, Redactor(), [].append, version=178)
    with pytest.raises(SettingsError, match="not one of paper trading"):
        tap.hear_gateway(encode(ManagedAccounts(accounts), 178), 0)


def test_a_version_that_cannot_be_read_ends_the_connection() -> None:
    tap = Wiretap(1, Redactor(), [].append)
    with pytest.raises(SettingsError, match="server version '200' cannot be recorded"):
        tap.hear_gateway(b"\0\0\0\x04200\0", 0)


@pytest.mark.parametrize(
    ("upstream", "told"),
    [
        ("example.org:4002", "not on the loopback"),
        ("127.0.0.1", "no HOST:PORT"),
        (":0", "no HOST"),
    ],
)
def test_an_upstream_elsewhere_is_refused(upstream: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        upstream_of(upstream)


def test_the_time_of_a_greeting_is_read_with_its_zone() -> None:
    wall = stamped_time("nonsense", upstream_wall := stamped_time("20121001 00:00:00 UTC", None))  # type: ignore[arg-type]
    assert wall == upstream_wall
    assert stamped_time("20121001 09:30:00 EST", wall).hour == 13


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1"),
        ("{}", "line 1 is no head"),
        ('{"hydra_recording": 1, "started": "2012-10-01T14:00:00"}', "no time zone"),
        ('{"hydra_recording": 1, "started": "2012-10-01T14:00:00+00:00"}', "no messages"),
        ('{"hydra_recording": 1, "started": "2012-10-01T14:00:00+00:00"}\n{}', "line 2"),
    ],
)
def test_a_bad_file_ends_with_2_and_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(text)
    assert main([str(file)]) == 2
    said = capsys.readouterr()
    assert told in said.err
    assert said.err.count("\n") == 1


async def test_the_command_ends_with_0_without_differences_and_1_with_some(
    recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same, other = tmp_path / "same.jsonl", tmp_path / "other.jsonl"
    same.write_text(recording.dump())
    other.write_text(altered(recording, "contractData", stockType="ETF").dump())
    assert main([str(same)]) == 0
    assert "0 differences." in capsys.readouterr().out
    assert main([str(other)]) == 1
    assert "1 differences: 1 field." in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "is_kept"), [("n\n", False), ("y\n", True), ("", False)])
async def test_a_recording_is_shown_before_it_is_kept(
    gateway: GatewayServer, tmp_path: Path, answer: str, is_kept: bool
) -> None:
    file = tmp_path / "kept.jsonl"
    command = [sys.executable, "-m", "hydra.gateway", "--record", str(file), "--port", "0"]
    command += ["--upstream", f"127.0.0.1:{gateway.port}"]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
    await converse(gateway, int(line.split("connect to 127.0.0.1:")[1].split()[0]))
    process.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(process.communicate(answer.encode()), 30)
    assert b"placeOrder" in out
    assert b"As the file would hold them" in out
    assert os.listdir(tmp_path) == (["kept.jsonl"] if is_kept else [])
    if is_kept:
        head, *lines = file.read_text().splitlines()
        assert json.loads(head)["hydra_recording"] == 1
        assert len(lines) > 50


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--record", "x"], "given together"),
        (["--upstream", "127.0.0.1:4002"], "given together"),
        (["--record", "x", "--upstream", "example.org:1"], "not on the loopback"),
        (["--record", "x", "--upstream", "127.0.0.1:1", "--host", "0.0.0.0"], "not on the loop"),
    ],
)
def test_what_cannot_be_recorded_ends_with_2_and_one_sentence(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from hydra.gateway.__main__ import main as run_gateway

    assert run_gateway(arguments) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
