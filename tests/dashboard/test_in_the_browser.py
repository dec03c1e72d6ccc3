"""The dashboard in a real browser, in JupyterLab and as a page, over a gateway that trades."""

import getpass
import io
from datetime import UTC, datetime
from urllib.parse import urlparse

import pytest
from PIL import Image
from playwright.sync_api import expect

from hydra import plugins
from hydra.controls import Around
from hydra.dashboard._base import Face, Facts
from hydra.dashboard._cells import cells, columns_of
from hydra.dashboard._feed import living_runner
from hydra.domain.events import (
    Halted,
    OrderRefused,
    Resumed,
    RunRequested,
    RunStarted,
    StrategySwitched,
    Warned,
)
from hydra.journal.fold import fold
from hydra.journal.journal import Journal
from hydra.journal.ledger import Ledger
from tests.dashboard import figures
from tests.dashboard.figures import elsewhere, moment
from tests.dashboard.pages import (
    WAIT_MS,
    filled,
    open_place,
    run_cell,
    run_first_cell,
    until,
)

pytestmark = pytest.mark.slow
expect.set_options(timeout=WAIT_MS)
BY = f"dashboard, {getpass.getuser()}"
BLUE, ORANGE, RED = (0, 114, 178), (230, 159, 0), (213, 94, 0)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with open_place(tmp_path_factory.mktemp("board")) as found:
        yield found


@pytest.fixture(autouse=True)
def nothing_is_fetched_from_outside(place):
    yield
    hosts = {urlparse(url).hostname for url in place.asked if not url.startswith(("data", "blob"))}
    assert hosts <= {"127.0.0.1"}


@pytest.fixture
def context(place):
    found = place.context()
    yield found
    found.close()


def journalled(place):
    with Journal.read_only(place.settings.journal_path) as journal:
        return list(journal.read())


def happened(place, kind):
    return [record.event for record in journalled(place) if isinstance(record.event, kind)]


def state_of(place):
    return fold(journalled(place))


def board(page, panel):
    return page.locator(f".hydra-board [data-panel={panel}]")


def table(page, panel):
    """The texts of a panel's rows as the page shows them, by the names of the columns."""
    return (
        board(page, panel)
        .locator("tbody")
        .evaluate(
            """body => [...body.rows].map(row => Object.fromEntries([...row.cells].map(td => {
              const spark = td.querySelector('polyline');
              const points = spark && spark.getAttribute('points').split(' ').length;
              return [td.dataset.name, spark ? `${points} points` : td.textContent];
            })))"""
        )
    )


def facts_of(place, records):
    """What the panels look at, without the dashboard's feed."""
    around = Around(place.settings)
    ledger = Ledger(around.model)
    for record in records:
        ledger.take(record)
    return Facts(
        ledger, records, place.settings.gateway, True, checks=around.checks,
        breakers=around.breakers(ledger.state, ledger.market_time),
        runner=living_runner(place.settings.data.dir),
        closes=elsewhere(around.closes(sorted({symbol for _, symbol in ledger.targets}))),
    )  # fmt: skip


def drawn(facts, name):
    """What a panel makes of them: the texts of its first page, and its note."""
    panel = plugins.load("dashboard", name)()
    face = Face.of(name, panel)
    rows = list(panel.rows(facts))
    shown = rows[: face.page_rows]
    columns = columns_of(shown, face.columns)
    texts = [
        {n: text(v, c) for (n, c), v in zip(columns.items(), cells(row, columns), strict=True)}
        for row in shown
    ]
    return texts, panel.note(facts, rows) if hasattr(panel, "note") else ""


def text(value, column):
    """What a page makes of a cell's value."""
    if value is None:
        return "" if column.kind in ("act", "link") else "–"
    if column.kind == "time" and isinstance(value, int):
        return moment(datetime.fromtimestamp(value / 1000, UTC))
    if column.kind == "meter":
        full = value[1] == "∞" or int(value[1].split()[0].replace(",", "")) >= 100
        return f"⚠ {value[1]}" if full else value[1]
    if column.kind == "spark":
        return f"{len(value)} points"
    return value[0] if column.kind in ("act", "link") else value


PANELS = tuple(plugins.find("dashboard"))
TABLES = tuple(name for name in PANELS if name != "status")


def holds_the_journals_figures(place, page):
    """Cell by cell, of every panel that there is; and what panels reckon themselves once more,
    from the events without them."""
    assert len(PANELS) == 17
    records = journalled(place)
    facts = facts_of(place, records)
    for name in TABLES:
        (wanted, note), shown = drawn(facts, name), table(page, name)
        assert shown == wanted, name
        assert len(shown) > 0, name
        assert board(page, name).locator(".hb-note").inner_text() == note, name
    for name, reckon in figures.RECKONED.items():
        assert table(page, name) == reckon(place, records)[: len(table(page, name))], name
    holds_the_status(place, page, records)
    charts_end_where_the_table_does(page)


def holds_the_status(place, page, records):
    wanted = figures.status(place, records)
    tiles = page.locator(".hydra-board [data-panel=status] .hb-tile")
    assert tiles.count() == len(wanted)
    for number, figure in enumerate(wanted):
        for part, said in figure.items():
            assert tiles.nth(number).locator(f".hb-{part}").inner_text() == said, figure
    age = page.locator("[data-key='last event'] .hb-value").inner_text()
    passed = (datetime.now(UTC) - records[-1].recorded).total_seconds()
    assert age == f"{int(passed // 60)} min ago" or abs(int(age.split()[0]) - passed) < 3


def charts_end_where_the_table_does(page):
    """The charts of returns and falls tell the figures that stand below them."""
    today, since = table(page, "equity")
    charts = board(page, "equity").locator("svg[role=img]")
    told = [charts.nth(n).get_attribute("aria-label") for n in range(3)]
    for label, row in zip(told, (today, since), strict=False):
        assert f"account {row['change_share']}, benchmark {row['benchmark']}" in label
    assert told[2].endswith(f"drawdown {since['drawdown']}")


def holds_the_gateways_figures(place, page):
    books = place.gateway.state()
    ours = {}
    for row in table(page, "positions"):
        if row["quantity"] != "0":
            symbol, quantity = row["symbol"], row["quantity"].replace("\u2212", "-")
            ours[symbol] = ours.get(symbol, 0) + int(quantity.replace(",", ""))
    assert ours == {p["symbol"]: int(p["quantity"]) for p in books["positions"]}
    value = f"{float(books['net_liquidation']):,.2f} USD"
    tile = page.locator(".hydra-board [data-key=value] .hb-value")
    if "the gateway says the same" in page.locator("[data-key=value] .hb-detail").inner_text():
        assert tile.inner_text() == value
    number = str(len(books["executions"]))
    assert board(page, "fills").locator(".hb-foot").inner_text().endswith(f"of {number}")
    assert len(table(page, "orders")) == len(books["open_orders"])


def pixels(locator, colour):
    """How many points of a picture of it are of that colour, nearly."""
    picture = Image.open(io.BytesIO(locator.screenshot())).convert("RGB")
    near = (
        max(abs(a - b) for a, b in zip(p, colour, strict=True)) < 24
        for p in picture.get_flattened_data()
    )
    return sum(near)


def has_its_charts_drawn(page):
    """Marks of the charts, as points of the screen."""
    equity, costs = board(page, "equity"), board(page, "costs")
    equity.scroll_into_view_if_needed()
    since, fall = equity.locator("svg[role=img]").nth(1), equity.locator("svg[role=img]").nth(2)
    assert pixels(since, BLUE) > 100
    assert pixels(since, ORANGE) > 60
    assert pixels(fall, RED) > 100
    costs.scroll_into_view_if_needed()
    paid, gained = costs.locator("td span.down"), costs.locator("td span.up")
    assert {text[0] for text in paid.all_inner_texts()} == {"+"}  # dearer has a loss's colour
    assert {text[0] for text in gained.all_inner_texts()} <= {"\u2212"}
    scatter = costs.locator("svg[role=img]").first
    assert scatter.locator("circle.mark").count() > 5
    assert pixels(scatter, BLUE) > 20
    assert board(page, "targets").locator("svg.hb-spark polyline").count() > 0


def test_the_page_shows_the_journals_and_the_gateways_figures_also_after_a_reload(place, context):
    page = place.voila(context)
    for _ in range(2):
        assert page.locator(".hydra-board [data-panel]").count() == len(PANELS)
        holds_the_journals_figures(place, page)
        holds_the_gateways_figures(place, page)
        has_its_charts_drawn(page)
        page.reload()
        filled(page)


def test_the_notebook_shows_them_and_comes_back_after_a_reload_and_a_new_kernel(place, context):
    page = place.lab(context)
    holds_the_journals_figures(place, page)
    has_its_charts_drawn(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    page.locator(".jp-mod-current .jp-DirtyIndicator, .jp-mod-dirty").first.wait_for(
        state="detached"
    )
    page.reload()
    filled(page)  # from the kernel that still runs: nobody has run the cell again
    holds_the_journals_figures(place, page)
    has_its_charts_drawn(page)
    opens_the_page_of_a_run(page)
    press_restart(page)
    says_that_it_is_old(page)
    run_cell(place, page)
    expect(page.locator(".hydra-board .hb-banner")).to_be_hidden()
    page.locator(".hydra-board .hb-value").first.wait_for()
    holds_the_journals_figures(place, page)


def press_restart(page):
    """A new kernel as a person at the keyboard asks JupyterLab for it."""
    page.locator(".jp-Notebook").first.click(position={"x": 5, "y": 5})
    page.keyboard.press("Escape")
    page.keyboard.press("0")
    page.keyboard.press("0")
    page.locator(".jp-Dialog button.jp-mod-accept").click()


def says_that_it_is_old(page):
    """What is shown stays readable, says that it is old, and offers nothing that nobody does."""
    expect(page.locator(".hydra-board .hb-banner")).to_contain_text("what stands here is old")
    expect(page.locator(".hydra-board button[data-action=halt]")).to_be_disabled()
    assert len(table(page, "positions")) > 0


def opens_the_page_of_a_run(page):
    """The link in the panel leads to the executed notebook."""
    with page.context.expect_page() as opened:
        board(page, "runs").locator("tbody tr", has_text="small").first.locator("a").click()
    expect(opened.value.locator("body")).to_contain_text("one more is 2")
    opened.value.close()


def test_a_kernel_that_is_gone_and_a_tab_that_is_closed_harm_no_other_dashboard(place, context):
    beside, before = place.voila(context), {kernel["id"] for kernel in place.api("api/kernels")}
    severed = place.voila(context)
    (kernel,) = {kernel["id"] for kernel in place.api("api/kernels")} - before
    place.api(f"api/kernels/{kernel}", "DELETE")
    with Journal.open(place.settings.journal_path) as journal:
        journal.append(Warned(0, "one kernel less"), datetime.now(UTC))
        expect(board(beside, "log").locator("tbody tr").first).to_contain_text("one kernel less")
        says_that_it_is_old(severed)
        severed.reload()
        filled(severed)
        expect(severed.locator(".hydra-board .hb-banner")).to_be_hidden()
        newest = board(severed, "log").locator("tbody tr").first
        expect(newest).to_contain_text("one kernel less")
        beside.close()
        journal.append(Warned(0, "one tab less"), datetime.now(UTC))
        expect(newest).to_contain_text("one tab less")


SIZES = ((1280, 800), (1920, 1080), (2560, 1440))
PLACED = """() => {
  const root = document.documentElement;
  const boxes = [...document.querySelectorAll('.hydra-board .hb-panel')].map((panel) => {
    const { left, right, top, bottom } = panel.getBoundingClientRect();
    return [panel.dataset.panel, left, right, top, bottom]; });
  const ragged = [...document.querySelectorAll('.hydra-board td.figure')]
    .filter((td) => td.textContent && (getComputedStyle(td).textAlign !== 'right' ||
      !getComputedStyle(td).fontVariantNumeric.includes('tabular-nums')));
  return { over: root.scrollWidth - root.clientWidth, boxes, ragged: ragged.length };
}"""


def test_panels_find_their_place_on_a_small_and_on_a_wide_screen(place, context):
    page = place.voila(context)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        found = page.evaluate(PLACED)
        assert (found["over"], found["ragged"]) == (0, 0), width
        assert [box[0] for box in found["boxes"] if box[1] < 0 or box[2] > width] == []
        assert overlapping(found["boxes"]) == []
        for first in ("[data-key=trading]", "button[data-action=halt]", "[data-panel=equity] h3"):
            assert page.locator(f".hydra-board {first}").bounding_box()["y"] < height / 2
        rows = {round(top) for _, _, _, top, _ in found["boxes"]}
        assert len(rows) < len(found["boxes"])  # some stand side by side


def overlapping(boxes):
    return [
        (a[0], b[0])
        for n, a in enumerate(boxes)
        for b in boxes[n + 1 :]
        if min(a[2], b[2]) - max(a[1], b[1]) > 1 and min(a[4], b[4]) - max(a[3], b[3]) > 1
    ]


HIDDEN = """state => {
  Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def test_a_page_that_nobody_looks_at_is_sent_nothing_and_one_that_is_looked_at_all(place, context):
    page, beside = place.voila(context), place.voila(context)
    page.evaluate(HIDDEN, "hidden")
    with Journal.open(place.settings.journal_path) as journal:
        journal.append(Warned(0, "the first news"), datetime.now(UTC))
        news = board(beside, "log").locator("tbody tr").first
        expect(news).to_contain_text("the first news")
        before = page.locator(".hydra-board").get_attribute("data-n")
        journal.append(Warned(0, "the second news"), datetime.now(UTC))
        expect(news).to_contain_text("the second news")
    assert page.locator(".hydra-board").get_attribute("data-n") == before
    page.evaluate(HIDDEN, "visible")
    expect(board(page, "log").locator("tbody tr").first).to_contain_text("the second news")


THEMES = "lab/api/settings/@jupyterlab/apputils-extension:themes"


def test_the_notebook_is_readable_in_jupyterlabs_dark_theme(place, context):
    place.api(THEMES, "PUT", {"raw": '{"theme": "JupyterLab Dark"}'})
    page = place.lab(context)
    page.locator(".hydra-board.hb-dark").wait_for()
    assert not [found for found in page.evaluate(CONTRAST) if found[0] < 4.5]
    place.api(THEMES, "PUT", {"raw": "{}"})


def test_light_and_dark_are_both_readable(place, context):
    for theme in ("light", "dark"):
        page = place.voila(context, theme)
        page.locator(".hydra-board.hb-dark" if theme == "dark" else ".hydra-board").wait_for()
        faint = page.evaluate(CONTRAST)
        assert not [found for found in faint if found[0] < 4.5], theme
        page.close()


CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) =>
    c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) =>
    sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => { for (let n = node; n; n = n.parentElement) {
    const c = parse(getComputedStyle(n).backgroundColor);
    if (c.length < 4 || c[3] > 0.9) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('.hydra-board *')]
    .filter((n) => n.offsetParent && [...n.childNodes].some((c) => c.nodeType === 3 &&
      c.textContent.trim()) && !n.closest('button:disabled'))
    .map((n) => { const a = light(parse(getComputedStyle(n).color)), b = light(behind(n));
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), n.className, n.textContent]; });
}"""


def test_everything_can_be_reached_and_done_by_the_keyboard(place, context):
    page = place.voila(context)
    page.locator(".hydra-board button[data-action=halt]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".hb-confirm")).to_be_visible()
    assert page.evaluate("document.activeElement.placeholder") == "reason, for the journal"
    page.keyboard.press("Escape")
    expect(page.locator(".hb-confirm")).to_be_hidden()
    assert page.evaluate("document.activeElement.dataset.action") == "halt"
    assert not happened(place, Halted)
    box = board(page, "log").locator("input[type=search]")
    box.fill("SessionEnded")
    expect(board(page, "log").locator(".hb-foot")).to_be_hidden()
    kinds = {row["kind"] for row in table(page, "log")}
    assert kinds == {"SessionEnded"}
    page.locator("button[data-action=halt]").focus()
    wanted, reached = page.evaluate(REACHABLE), set()
    while len(reached) < wanted:
        at = page.evaluate(FOCUSED)
        assert at is not None, f"{len(reached)} of {wanted} were reached"
        assert at[1], f"nobody sees that {at[0]} has the focus"
        reached.add(at[0])
        page.keyboard.press("Tab")


REACHABLE = """() => {
  window.reachable = [...document.querySelectorAll(
    '.hydra-board button, .hydra-board input, .hydra-board a, .hydra-board [tabindex]')]
    .filter((node) => node.offsetParent && !node.disabled);
  return window.reachable.length;
}"""
FOCUSED = """() => {
  const node = document.activeElement, style = getComputedStyle(node);
  const number = window.reachable.indexOf(node);
  return number < 0 ? null : [number, style.outlineStyle !== 'none' || style.boxShadow !== 'none'];
}"""


def do(page, action, reason="", within=None):
    """Press, read what would happen, and say yes; the sentence that was shown."""
    (within or page.locator(f".hydra-board .hb-controls button[data-action={action}]")).click()
    question = page.locator(".hb-confirm")
    question.locator("button[data-action=yes]").wait_for()
    sentence = question.locator("p").inner_text()
    if reason:
        question.locator("input").fill(reason)
    question.locator("button[data-action=yes]").click()
    said = page.locator(".hb-said:not([data-state=busy])")
    said.wait_for()
    assert said.get_attribute("data-state") == "done", said.inner_text()
    return sentence


def test_every_control_does_what_it_says_at_the_gateway(place, context):
    """The kernel of the dashboard is the only thing alive beside the gateway."""
    page, beside = place.lab(context), place.voila(context)

    ref = table(page, "orders")[0]["order_ref"]
    button = board(page, "orders").locator("tbody button").first
    assert ref in do(page, "cancel", within=button)
    assert len(place.gateway.state()["open_orders"]) == 2
    assert ref not in state_of(place).working
    expect(board(page, "orders").locator("tbody tr")).to_have_count(2)

    assert do(page, "cancel_all") == "Cancels 2 working orders. Trading goes on."
    assert place.gateway.state()["open_orders"] == []
    expect(board(beside, "orders").locator("tbody tr")).to_have_count(0)

    halted = do(page, "halt", "looks wrong")
    assert halted.startswith("Cancels 0 working orders; nothing more is sent until")
    assert happened(place, Halted) == [Halted("looks wrong", BY)]
    for shown in (page, beside):
        expect(shown.locator("[data-key=trading]")).to_contain_text("HALTED")
        expect(board(shown, "deeds").locator("tbody tr").first).to_contain_text(BY)

    do(page, "resume", "all well")
    assert happened(place, Resumed) == [Resumed("all well", BY)]
    expect(beside.locator("[data-key=trading] .hb-value")).to_have_text("on")

    held = state_of(place)
    number = sum(1 for holding in held.holdings.values() if holding.quantity)
    assert f"{number} positions worth" in do(page, "flatten", "enough")
    until(lambda: not place.gateway.state()["positions"])
    until(lambda: not state_of(place).positions)
    expect(board(beside, "positions").locator(".hb-note")).to_contain_text("0 held")


def row_of(page, panel, name):
    return board(page, panel).locator("tbody tr", has_text=name).first


def run_now(page, job):
    """Press "run now" in the job's row and say yes; the question that was asked."""
    return do(page, "run", within=row_of(page, "jobs", job).locator("button"))


def test_run_now_asks_once_makes_one_run_and_refuses_a_second_in_words(place, context):
    page, number = place.voila(context), len(place.runs("small"))
    place.go.unlink(missing_ok=True)
    sentence = run_now(page, "small")
    assert sentence == "The runner starts small now; its schedule stays as it is."
    expect(page.locator(".hb-said")).to_contain_text("small runs as ")
    run = row_of(page, "runs", "small")
    expect(run.locator("[data-name=outcome]")).to_have_text("running")
    expect(run.locator("a")).to_have_count(0)

    row_of(page, "jobs", "small").locator("button").click()
    question = page.locator(".hb-confirm")
    expect(question).to_contain_text("small is running already, as ")
    expect(question.locator("button[data-action=yes]")).to_have_count(0)
    question.locator("button").click()

    place.go.touch()
    expect(run.locator("[data-name=outcome]")).to_have_text("well")
    opens_the_page_of_a_run(page)
    place.wait_for_run("small", number + 1)
    asked = [wish for wish in happened(place, RunRequested) if wish.by == BY]
    assert asked == [RunRequested("small", BY)]
    (began,) = [e for e in happened(place, RunStarted)[number:] if e.job == "small"]
    assert (
        row_of(page, "runs", "small")
        .locator("a")
        .get_attribute("href")
        .endswith(f"hydra/api/runs/{began.run}/html")
    )


def test_what_is_halted_or_switched_off_sends_the_gateway_nothing_and_resumed_it_trades(
    place, context
):
    """Three sessions of one strategy, each begun by "run now"."""
    page = place.voila(context)
    do(page, "flatten", "a clean table")
    until(lambda: not place.gateway.state()["positions"])

    halted = trade_a_session(place, page)
    assert halted["refused by"] == {"halt"}
    assert (halted["executions"], halted["orders"], halted["positions"]) == (0, [], [])

    do(page, "resume", "seen to")
    row = row_of(page, "strategies", "sma_cross")
    do(page, "switch_off", "odd fills", within=row.locator("button"))
    expect(row).to_contain_text(f"OFF: odd fills ({BY})")
    off = trade_a_session(place, page)
    assert "reduce_only" in off["refused by"]
    assert (off["executions"], off["orders"], off["positions"]) == (0, [], [])

    do(page, "switch_on", "they were ours", within=row.locator("button"))
    assert happened(place, StrategySwitched) == [
        StrategySwitched("sma_cross", False, "odd fills", BY),
        StrategySwitched("sma_cross", True, "they were ours", BY),
    ]
    on = trade_a_session(place, page)
    assert on["refused by"] == set()
    assert on["executions"] > 0
    assert len(on["positions"]) > 0


def trade_a_session(place, page):
    """The next session of sma_cross by "run now": what the gateway saw, and what was refused."""
    place.gateway.step("next_open")
    number, before = len(place.runs("cross")), place.gateway.state()
    refused = len(happened(place, OrderRefused))
    run_now(page, "cross")
    place.wait_for_run("cross", number + 1)
    after = place.gateway.state()
    objections = [o for e in happened(place, OrderRefused)[refused:] for o in e.refusal.objections]
    return {
        "executions": len(after["executions"]) - len(before["executions"]),
        "orders": after["open_orders"],
        "positions": after["positions"],
        "refused by": {objection.check for objection in objections},
    }


def test_the_first_page_leads_to_ones_own_positions_in_three_clicks(place, context):
    page = context.new_page()
    page.goto(f"{place.url}lab/tree/00_start_here.ipynb?reset&token=t")
    run_first_cell(place, page, "00_start_here.ipynb")  # 1
    start = page.locator(".hydra-start")
    expect(start).to_contain_text("A gateway answers")
    with context.expect_page() as opened:
        start.locator("a", has_text="Open the dashboard").click()  # 2
    filled(opened.value)
    expect(board(opened.value, "positions")).to_be_visible()


def test_a_fresh_mark_is_the_hour_of_the_market_and_of_the_reader(place, context):
    page = place.voila(context)
    tile = page.locator("[data-key='market time']")
    expect(tile.locator(".hb-value")).to_contain_text("EST")
    expect(tile.locator(".hb-detail")).to_contain_text("yours ")
    last = datetime.now(UTC)
    assert last.year > 2013
    before = table(page, "fills")[0]["time"]
    page.locator("button[data-action=zone]").click()
    after = table(page, "fills")[0]["time"]
    assert (int(after[11:13]) - int(before[11:13])) % 24 == 6  # Berlin from New York
