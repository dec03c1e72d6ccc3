"""Market scans against the quotes of 2012-10-01, and their parameters."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import fields
from datetime import timedelta

import pytest
from ib_async import ScannerSubscription, TagValue

from hydra.gateway.requests import (
    CancelScannerSubscription,
    ReqScannerParameters,
    ReqScannerSubscription,
)
from hydra.gateway.responses import Error, ScannerData
from hydra.gateway.scanner import (
    FILTERS,
    LOCATIONS,
    MAX_ROWS,
    MAX_SCANS,
    REPEATS_EVERY_S,
    SCANS,
)

UNSET = {one.name: "" for one in fields(ReqScannerSubscription) if one.name != "reqId"}


@pytest.fixture
def midday(started):
    """The exchange after two and a half hours, when prices have moved."""
    started.advance(started.venue.now + timedelta(minutes=150))
    return started


def scan(exchange, number=1, **terms):
    """The symbols that a scan finds, or the error's code and text."""
    wanted = {"instrument": "STK", "locationCode": "STK.US.MAJOR", "scanCode": "TOP_PERC_GAIN"}
    request = ReqScannerSubscription(number, **{**UNSET, **wanted, **terms})
    ((_, answer),) = exchange.handle(1, request)
    if isinstance(answer, Error):
        return answer.code, answer.text
    assert [row.rank for row in answer.rows] == list(range(len(answer.rows)))
    return [row.symbol for row in answer.rows]


def quotes(exchange, symbols):
    """The quote of each stock by its symbol."""
    venue = exchange.venue
    stocks = [one for symbol in symbols for one in venue.universe.named(symbol)]
    stocks = [one for one in stocks if one.secType == "STK" and one.currency == "USD"]
    return {one.symbol: venue.market.quote(one, venue.seconds) for one in stocks}


def test_the_parameters_are_xml_that_names_scans_places_and_filters(started):
    ((_, told),) = started.handle(1, ReqScannerParameters())
    assert told.xml.startswith('<?xml version="1.0" encoding="UTF-8"?>')
    tree = ET.fromstring(told.xml)
    assert tree.tag == "ScanParameterResponse"
    assert {one.text for one in tree.findall(".//scanCode")} == set(SCANS)
    assert {one.text for one in tree.findall(".//locationCode")} == set(LOCATIONS)
    assert {one.text for one in tree.findall(".//AbstractField/code")} == set(FILTERS)
    assert {one.text for one in tree.findall(".//Instrument/type")} == {"STK"}


def test_winners_or_losers_come_first_and_fifty_at_most(midday):
    gain = scan(midday)
    seen = quotes(midday, gain)
    changes = [seen[symbol].last / seen[symbol].previous_close for symbol in gain]
    assert changes == sorted(changes, reverse=True)
    assert len(changes) == MAX_ROWS  # more are listed
    seen = quotes(midday, scan(midday, 2, scanCode="TOP_PERC_LOSE"))
    losses = [quote.last / quote.previous_close for quote in seen.values()]
    assert losses == sorted(losses)
    assert losses[0] < 1 < changes[0]
    assert losses[0] < changes[-1]


def test_the_most_active_have_the_most_volume(midday):
    active = scan(midday, scanCode="MOST_ACTIVE")
    seen = quotes(midday, active)
    volumes = [seen[symbol].volume for symbol in active]
    assert volumes == sorted(volumes, reverse=True)
    assert volumes[0] > 0


def test_filters_leave_out_what_does_not_reach_their_limits(midday):
    everything = scan(midday)
    dear = scan(midday, 2, abovePrice="100")
    assert dear == scan(midday, 3, filterOptions="priceAbove=100;")
    assert 0 < len(dear) < len(everything)
    assert all(quotes(midday, [symbol])[symbol].last >= 100 for symbol in dear)
    assert not set(dear) & set(scan(midday, 4, filterOptions="priceBelow=99.99;"))
    assert scan(midday, 5, filterOptions="changePercAbove=50;") == []


def test_a_place_leaves_out_other_exchanges_and_a_number_of_rows_is_kept(midday):
    found = scan(midday, locationCode="STK.NASDAQ")
    assert "AAPL" in found
    assert "SPY" not in found
    assert scan(midday, 2, locationCode="STK.NASDAQ", numberOfRows="2") == found[:2]


@pytest.mark.parametrize(
    ("terms", "named"),
    [
        ({"scanCode": "FOO"}, "scan code 'FOO'"),
        ({"locationCode": "STK.HK"}, "location code 'STK.HK'"),
        ({"instrument": "FUT.US"}, "instrument 'FUT.US'"),
        ({"marketCapAbove": "1000"}, "filter marketCapAbove"),
        ({"filterOptions": "moodyRatingAbove=AAA;"}, "filter 'moodyRatingAbove'"),
        ({"filterOptions": "priceAbove=dear;"}, "filter priceAbove is no number"),
    ],
)
def test_what_cannot_be_scanned_is_refused_and_named(started, terms, named):
    code, text = scan(started, **terms)
    assert code == 162
    assert named in text
    started.advance(started.venue.now + timedelta(minutes=5))
    assert scan(started, 1)  # nothing was left behind


def test_a_scan_is_told_again_until_it_is_cancelled(started):
    scan(started)
    told = started.advance(started.venue.now + timedelta(seconds=REPEATS_EVERY_S))
    assert sum(isinstance(one, ScannerData) for _, one in told) == 1
    ((_, ended),) = started.handle(1, CancelScannerSubscription(1))
    assert (ended.code, ended.text) == (
        162,
        "Historical Market Data Service error message:API scanner subscription cancelled: 1",
    )
    told = started.advance(started.venue.now + timedelta(minutes=2))
    assert not any(isinstance(one, ScannerData) for _, one in told)
    ((_, ended),) = started.handle(1, CancelScannerSubscription(1))
    assert ended.code == 365


def test_the_eleventh_scan_is_one_too_many(started):
    for number in range(MAX_SCANS):
        assert isinstance(scan(started, number), list)
    code, text = scan(started, MAX_SCANS)
    assert code == 322
    assert "Only 10 simultaneous API scanner subscriptions are allowed." in text
    started.disconnect(1)
    started.connect(1, 178)
    assert isinstance(scan(started), list)


async def test_an_unmodified_client_scans(client):
    subscription = ScannerSubscription(
        instrument="STK", locationCode="STK.US.MAJOR", scanCode="MOST_ACTIVE", abovePrice=5
    )
    found = await client.reqScannerDataAsync(subscription, [], [TagValue("priceBelow", "1000")])
    assert found[0].rank == 0
    assert found[0].contractDetails.contract.secType == "STK"
    assert "AAPL" in {one.contractDetails.contract.symbol for one in found}
