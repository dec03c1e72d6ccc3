"""Every kind of event as a hypothesis strategy, built from the type hints themselves."""

from decimal import Decimal

from hypothesis import strategies as st

from hydra.domain.events import KINDS
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest, OrderType

moments = st.datetimes(timezones=st.timezones()).map(lambda t: t)
floats = st.floats(allow_nan=False, allow_infinity=False)
decimals = st.decimals(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=20)
instruments = st.builds(
    Instrument,
    symbol=st.text("ABC.é", min_size=1, max_size=6),
    min_tick=st.just(Decimal("0.01")),
    lot_size=st.just(Decimal(1)),
    multiplier=st.sampled_from([Decimal(1), Decimal(50)]),
)
requests = st.builds(
    OrderRequest,
    strategy=texts,
    session=st.dates(),
    instrument=instruments,
    quantity=st.integers(-9999, 9999).filter(bool).map(Decimal),
    decision_price=st.decimals(min_value="0.01", max_value="9999", places=4),
    order_type=st.just(OrderType.LIMIT),
    limit_price=st.integers(1, 99999).map(lambda cents: Decimal(cents) / 100),
)


def register() -> None:
    """Teach hypothesis the values that have rules of their own."""
    st.register_type_strategy(float, floats)
    st.register_type_strategy(Decimal, decimals)
    st.register_type_strategy(Instrument, instruments)
    st.register_type_strategy(OrderRequest, requests)


register()
events = st.sampled_from(sorted(KINDS)).flatmap(lambda kind: st.from_type(KINDS[kind]))
