"""Who is told what: once, not too often, without secrets, also of a run that died."""

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hydra.config import EVENTS, Alerts
from hydra.domain.events import (
    BreakerTripped,
    Halted,
    NavMarked,
    OrderRefused,
    Resumed,
    RunEnded,
    RunMissed,
    RunStarted,
    SessionEnded,
    Warned,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Objection, OrderRequest, OrderType, Refusal
from hydra.errors import ConfigError
from hydra.ib.pulse import Health
from hydra.runner.alerts import Alert, Alerting, Outbox, addresses, last_weekly
from hydra.runner.redact import Redactor
from hydra.runner.service import Service

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
DAY = date(2026, 11, 24)


class Webhook:
    """A real HTTP server that keeps what it was sent; `broken` makes it answer 500."""

    def __init__(self):
        self.got = []
        self.broken = False
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(500 if hook.broken else 200)
                self.end_headers()
                if not hook.broken:
                    hook.got.append((body["title"], body["message"]))

            def log_message(self, *args):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://user:s3cret-word@127.0.0.1:{self.server.server_port}/"

    @contextmanager
    def listening(self):
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            thread.join()
            self.server.server_close()


@pytest.fixture
def webhook():
    with Webhook().listening() as hook:
        yield hook


@pytest.fixture
def alerting(workspace, webhook):
    """Alerts of a workspace's journal, which has begun, to the webhook."""
    workspace.write(Warned(0, "before anybody listened"), missed("2026-11-20"))

    def make(**changes):
        return Alerting(
            Alerts(urls=(webhook.url,), **changes),
            workspace.settings.journal_path,
            workspace.settings.data.dir / "alerts.json",
            Redactor({"s3cret-word"}),
        )

    return make


def missed(day):
    due = datetime.fromisoformat(day).replace(hour=14, tzinfo=UTC)
    return RunMissed("open", "sma_cross", due.date(), due, "No runner was running.")


def begun(run="r1"):
    return RunStarted(run, "open", "sma_cross", "n.ipynb", "schedule", DAY, NOW, {})


def refused(symbol="AAPL"):
    request = OrderRequest(
        "sma_cross", DAY, Instrument(symbol), Decimal(5), Decimal(70), OrderType.MARKET
    )
    sentence = f"{symbol} would weigh 0.40 and the limit is 0.30."
    return OrderRefused(Refusal(request, (Objection("position_weight", "0.4", "0.3", sentence),)))


TOLD = [
    ([begun(), RunEnded("r1", "died", "It is gone.", 1)], "Run died: open", "r1: It is gone."),
    ([begun(), RunEnded("r1", "timeout", "Too long.", 1)], "Run timeout: open", "Too long."),
    ([missed("2026-11-24")], "Run missed: open", "It was due 2026-11-24 14:00 UTC. No runner"),
    ([Halted("odd", "me")], "Trading is halted", "odd (me)"),
    ([Resumed("fine", "me")], "Trading is resumed", "fine (me)"),
    ([refused()], "Orders refused by position_weight", "AAPL would weigh 0.40"),
    (
        [BreakerTripped("drawdown", "", DAY, DAY, "halt", "0.2", "0.15", "20 % lost.")],
        "Circuit breaker drawdown tripped",
        "20 % lost.",
    ),
    (
        [
            NavMarked(Decimal("999607.472"), Decimal(1), Decimal(1), {}),
            SessionEnded("s", DAY, 4, 1, 10),
        ],
        "Session 2026-11-24 of s",
        "4 orders, 1 refused, 10 fills, NAV 999,607.47.",
    ),
]


@pytest.mark.parametrize(("events", "title", "text"), TOLD)
def test_what_somebody_wants_to_know_is_sent_once(
    workspace, alerting, webhook, events, title, text
):
    alerts = alerting()
    workspace.write(*events)
    for _ in range(3):
        alerts.follow(NOW)
        alerts.send(NOW)
    (sent,) = webhook.got
    assert sent[0].startswith(f"HYDRA: {title}")
    assert text in sent[1]


def test_a_run_that_ended_well_and_events_that_were_not_chosen_are_not_sent(
    workspace, alerting, webhook
):
    alerts = alerting(events=("halt",))
    workspace.write(begun(), RunEnded("r1", "well", "", 1), missed("2026-11-24"), refused())
    alerts.follow(NOW)
    alerts.send(NOW)
    assert webhook.got == []


def test_a_basket_refused_by_one_check_is_one_message(workspace, alerting, webhook):
    alerts = alerting()
    workspace.write(*(refused(symbol) for symbol in ("AAPL", "IBM", "MSFT")))
    alerts.follow(NOW)
    alerts.send(NOW)
    assert len(webhook.got) == 1


def test_a_secret_in_a_reason_is_not_sent(workspace, alerting, webhook):
    alerts = alerting()
    workspace.write(begun(), RunEnded("r1", "failed", "the word is s3cret-word", 1))
    alerts.follow(NOW)
    alerts.send(NOW)
    assert webhook.got[0][1] == "r1: the word is [redacted]"


def test_what_happened_while_the_server_was_down_is_told_when_it_is_back(
    workspace, alerting, webhook
):
    first = alerting()
    first.follow(NOW)
    first.send(NOW)
    workspace.write(begun(), RunEnded("r1", "died", "Its process ended.", 1))
    second = alerting()
    second.follow(NOW)
    second.send(NOW)
    assert [title for title, _ in webhook.got] == ["HYDRA: Run died: open"]
    third = alerting()
    third.follow(NOW)
    third.send(NOW)
    assert len(webhook.got) == 1


def test_what_could_not_be_sent_is_tried_again(workspace, alerting, webhook):
    alerts = alerting()
    workspace.write(Halted("odd", "me"))
    webhook.broken = True
    alerts.follow(NOW)
    alerts.send(NOW)
    webhook.broken = False
    alerts.send(NOW)
    assert len(webhook.got) == 1


def box(**changes):
    return Outbox(Alerts(**changes))


def test_the_same_sentence_is_taken_again_only_after_a_while():
    out = box(repeat_s=600)
    for minutes, expected in ((0, 1), (5, 1), (11, 2)):
        out.add(Alert("gateway", "away", "x"), NOW + timedelta(minutes=minutes))
        assert len(out.queue) == expected


def test_more_than_the_limit_are_left_out_and_counted_once_there_is_room():
    out = box(limit_per_hour=3)
    for number in range(10):
        out.add(Alert("runner", f"n{number}", "x"), NOW)
    assert [a.title for a, _ in out.due(NOW)] == ["n0", "n1", "n2"]
    out.add(Alert("runner", "later", "x"), NOW)
    assert out.due(NOW + timedelta(minutes=1)) == []
    out.add(Alert("runner", "much later", "x"), NOW)
    sent = [a for a, _ in out.due(NOW + timedelta(minutes=61))]
    assert [a.title for a in sent] == ["much later", "Many alerts"]
    assert "8 messages were left out" in sent[1].text


def test_addresses_come_from_settings_and_file_and_a_wrong_one_is_not_shown(tmp_path, webhook):
    file = tmp_path / "urls"
    file.write_text(f"\n{webhook.url}\n")
    assert addresses(Alerts(urls=("", "json://other/"), urls_file=file)) == [
        "json://other/",
        webhook.url,
    ]
    with pytest.raises(ConfigError) as caught:
        addresses(Alerts(urls=("nosuch://very-secret-token",)))
    assert "very-secret-token" not in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        addresses(Alerts(urls_file=Path("/no/such/file")))


@pytest.mark.parametrize(
    "changes",
    [{"events": ("halts",)}, {"weekly_login": "Sunday noon"}, {"weekly_login": "Sun 25:00 UTC"}],
)
def test_settings_of_alerts_that_make_no_sense_are_refused(alerting, changes):
    with pytest.raises(ConfigError, match=r"\[alerts\]"):
        alerting(**changes)


def test_the_weekly_login_is_told_once_when_its_time_comes(alerting, webhook):
    alerts = alerting()
    sunday = datetime(2026, 11, 29, 16, 59, tzinfo=UTC)  # 11:59 in New York
    for minutes in (0, 2, 30, 600):
        alerts.remind(sunday + timedelta(minutes=minutes))
        alerts.send(sunday + timedelta(minutes=minutes))
    assert [title for title, _ in webhook.got] == ["HYDRA: Weekly login of 2026-11-29"]


def test_the_last_weekly_moment_keeps_its_wall_time_over_a_clock_change():
    text = "Sun 12:00 US/Eastern"
    assert last_weekly(text, datetime(2026, 11, 3, tzinfo=UTC)) == datetime(
        2026, 11, 1, 17, tzinfo=UTC
    )
    assert last_weekly(text, datetime(2026, 10, 27, tzinfo=UTC)) == datetime(
        2026, 10, 25, 16, tzinfo=UTC
    )


async def test_a_gateway_that_is_away_for_long_is_told_once_and_its_return_too(
    workspace, alerting, webhook
):
    service = Service(replace(workspace.settings, alerts=Alerts(gateway_down_s=300)))
    alerts = service._alerting = alerting()
    seen = [(0, False), (200, False), (301, False), (400, False), (500, True), (600, True)]
    for seconds, well in seen:
        now = NOW + timedelta(seconds=seconds)
        service._mind_the_gateway(Health(well, well, None, "Nothing answers there."), now)
        alerts.send(now)
    titles = [title for title, _ in webhook.got]
    assert titles == [
        "HYDRA: The gateway is away since 2026-11-24 15:00 UTC",
        "HYDRA: The gateway is back",
    ]


async def test_of_two_services_on_one_data_folder_one_tells(workspace, alerting, webhook):
    services = [Service(workspace.settings) for _ in range(2)]
    for service in services:
        service._alerting = alerting()
    workspace.write(Halted("odd", "me"))
    for service in services:
        await service._tell()
    assert len(webhook.got) == 1
    services[0]._end()
    workspace.write(Resumed("fine", "me"))
    await services[1]._tell()
    titles = [title for title, _ in webhook.got]
    assert titles == ["HYDRA: Trading is halted", "HYDRA: Trading is resumed"]
    services[1]._end()


def test_every_kind_of_alert_is_one_that_the_settings_know():
    assert {"run_failed", "run_missed", "breaker", "halt", "refusal", "gateway", "login",
            "session", "runner", "positions"} == set(EVENTS)  # fmt: skip
