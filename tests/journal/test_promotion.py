"""The promotion report follows the journal gate by gate."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from hydra.costs.calibration import Agreement
from hydra.domain.events import (
    ConnectionChanged,
    OrderEnded,
    Reconciled,
    Recorded,
    SessionEnded,
    SessionStarted,
)
from hydra.journal.promotion import MIN_SESSIONS, promotion_rows

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
GOOD = Agreement(30, 40, 0.2, 1.0, 0.6)
AGREED = Reconciled("DU1", Decimal(1000), "USD", {}, ())
DOWN, UP = ConnectionChanged(False, 0, "gone"), ConnectionChanged(True, 0, "back")


def rows(*events, agreement=GOOD):
    records = [Recorded(n, NOW, NOW, e) for n, e in enumerate(events, start=1)]
    return {row["gate"]: row for row in promotion_rows(records, "s", agreement)}


def sessions(count, strategy="s"):
    days = [date(2013, 1, 14) + timedelta(days=n) for n in range(count)]
    for day in days:
        yield SessionStarted(strategy, day, "DU1", {})
        yield SessionEnded(strategy, day, 1, 0, 1)


@pytest.mark.parametrize(("count", "holds"), [(MIN_SESSIONS - 1, False), (MIN_SESSIONS, True)])
def test_four_weeks_of_its_own_sessions_are_needed(count, holds):
    found = rows(*sessions(count), *sessions(40, "another"))
    assert found["sessions traded"]["holds"] is holds


@pytest.mark.parametrize(
    ("agreement", "bias", "correlation"),
    [
        (GOOD, True, True),
        (Agreement(30, 40, -0.5, 1.0, 0.3), False, False),
        (Agreement(30, 40, 0.49, 1.0, 0.31), True, True),
        (Agreement(30, 40, 0.2, 1.0, None), True, False),
        (None, False, False),
    ],
)
def test_costs_must_be_what_the_model_predicts(agreement, bias, correlation):
    found = rows(agreement=agreement)
    assert found["bias of the costs against the model, bps"]["holds"] is bias
    assert found["correlation of the costs with the model"]["holds"] is correlation


def test_a_reconnection_is_survived_once_the_books_agree_again():
    gate = "reconnections survived"
    assert rows(DOWN, UP, AGREED)[gate]["seen"] == 1
    assert rows(DOWN, UP)[gate]["seen"] == 0
    assert rows(UP, AGREED)[gate]["seen"] == 0
    differing = Reconciled("DU1", Decimal(1), "USD", {}, ("Cash differs.",))
    assert rows(DOWN, UP, differing)[gate]["seen"] == 0


def test_a_session_that_was_begun_and_never_ended_is_named():
    found = rows(SessionStarted("s", date(2013, 1, 15), "DU1", {}), *sessions(1))
    gate = found["sessions that were begun and never ended"]
    assert (gate["holds"], gate["note"]) == (False, "2013-01-15")


def test_an_order_that_stays_unknown_is_named_and_one_that_was_found_is_not():
    gate = "orders of which nobody knows what became"
    lost = OrderEnded("s:20130114:AAPL:0", "unknown", "")
    found = OrderEnded("s:20130114:AAPL:0", "cancelled", "")
    assert rows(lost)[gate]["note"] == "s:20130114:AAPL:0"
    assert rows(lost, found)[gate]["holds"]
    assert rows(OrderEnded("t:20130114:AAPL:0", "unknown", ""))[gate]["holds"]
