"""What a person sees of a running gateway in a terminal."""

from rich.console import Console

from hydra.gateway.exchange import Exchange
from hydra.gateway.screen import MESSAGES, screen


def text_of(exchange: Exchange, messages=()) -> str:
    """The screen as plain text, 100 columns wide."""
    console = Console(width=100, record=True, file=None)
    with console.capture() as shown:
        console.print(screen(exchange.state(), messages, "127.0.0.1:4002, control 4012"))
    return shown.get()


def test_the_screen_shows_clock_account_and_that_nothing_is_held(exchange):
    text = text_of(exchange)
    assert "2012-10-01T13:30:00Z" in text
    assert "net liquidation 1,000,000.00" in text
    assert "no positions" in text
    assert "clients none" in text


def test_the_newest_messages_come_first_and_the_rest_is_counted(exchange):
    said = [
        {"seq": n, "client_id": 7, "direction": "in", "name": f"Message{n}"} for n in range(1, 12)
    ]
    text = text_of(exchange, said)
    assert text.index("Message11") < text.index("Message10")
    assert f"({11 - MESSAGES} more)" in text
    assert "Message1 " not in text
