// The dashboard's front end: draws what the kernel sends, and sends what a person asks for.
// Written by hand; nothing builds it and nothing is fetched. A view says hello, gets everything,
// and from then on what has changed; it says which message it got last, so that the kernel stops
// sending when nobody listens.

const TELL_MS = 2000; // how long a receipt may wait
const PING_MS = 5000; // silence after which the kernel is asked whether it is there
const GONE_MS = 6000; // how long it may take to answer
const SVG = "http://www.w3.org/2000/svg";

function make(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== "") node.textContent = text;
  return node;
}

function draw(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// ---------------------------------------------------------------------------------- times

class Clock {
  constructor() {
    this.exchange = "UTC";
    this.mine = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
    this.ofExchange = true;
    this.ahead = 0; // how far the server's clock is ahead of this machine's
    this.formats = new Map();
  }

  format(zone, options) {
    const key = zone + JSON.stringify(options);
    if (!this.formats.has(key)) {
      this.formats.set(key, new Intl.DateTimeFormat("sv-SE", { timeZone: zone, ...options }));
    }
    return this.formats.get(key);
  }

  in(zone, ms, withDay = true) {
    const day = withDay ? { year: "numeric", month: "2-digit", day: "2-digit" } : {};
    const options = { ...day, hour: "2-digit", minute: "2-digit", second: "2-digit" };
    return this.format(zone, options).format(ms);
  }

  name(zone, ms) {
    const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "short" });
    return format.formatToParts(ms).find((part) => part.type === "timeZoneName").value;
  }

  now() {
    return Date.now() + this.ahead;
  }

  ago(ms) {
    const seconds = Math.max(0, Math.round((this.now() - ms) / 1000));
    if (seconds < 60) return `${seconds} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} days ago`;
  }

  shown(ms) {
    return this.in(this.ofExchange ? this.exchange : this.mine, ms);
  }

  other(ms) {
    const zone = this.ofExchange ? this.mine : this.exchange;
    return `${this.in(zone, ms)} ${zone}`;
  }
}

// ---------------------------------------------------------------------------------- cells

function signClass(text, paid) {
  const more = text.startsWith("+"), less = text.startsWith("\u2212");
  if (!more && !less) return "";
  return more === Boolean(paid) ? "down" : "up";
}

function spark(values) {
  const svg = draw("svg", { class: "hb-spark", viewBox: "0 0 84 18", "aria-hidden": "true" });
  if (values.length < 1) return svg;
  const low = Math.min(...values, 0), high = Math.max(...values, 0), span = high - low || 1;
  const x = (i) => (values.length > 1 ? (i * 80) / (values.length - 1) + 2 : 42);
  const y = (v) => 16 - ((v - low) / span) * 14;
  svg.append(draw("line", { x1: 0, x2: 84, y1: y(0), y2: y(0), stroke: "var(--hb-line)" }));
  const points = values.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`);
  svg.append(draw("polyline", { points: points.join(" "), fill: "none",
    stroke: "var(--hb-tone-0)", "stroke-width": 1.5 }));
  const last = values.length - 1;
  svg.append(draw("circle", { cx: x(last), cy: y(values[last]), r: 2, fill: "var(--hb-tone-0)" }));
  return svg;
}

function meter([fraction, text]) {
  const use = parseFloat(text.replace(/,/g, ""));
  const full = text === "\u221e" || use >= 100;
  const box = make("span", "hb-meter" + (full ? " full" : use >= 80 ? " near" : ""));
  const track = make("span", "track"), fill = make("span", "fill");
  fill.style.width = `${fraction * 100}%`;
  track.append(fill);
  box.append(track, make("span", "text", (full ? "⚠ " : "") + text));
  return box;
}

class Cells {
  constructor(clock, baseUrl, ask) {
    this.clock = clock;
    this.baseUrl = baseUrl;
    this.ask = ask;
  }

  fill(td, value, column) {
    td.replaceChildren();
    td.removeAttribute("title");
    if (value === null) {
      if (!["act", "link"].includes(column.kind)) td.textContent = "–";
      return;
    }
    const kind = this[column.kind] ? column.kind : "text";
    this[kind](td, value, column);
  }

  text(td, value) {
    td.textContent = value;
    td.classList.toggle("long", value.length > 48);
  }

  figure(td, value, column) {
    const text = String(value);
    if (!column.signed) { td.textContent = text; return; }
    td.append(make("span", signClass(text, column.paid), text));
  }

  percent(td, value, column) { this.figure(td, value, column); }

  meter(td, value) { td.append(meter(value)); }

  spark(td, value) { td.append(spark(value)); }

  time(td, value) {
    if (typeof value !== "number") { td.textContent = value; return; }
    td.textContent = this.clock.shown(value);
    td.title = this.clock.other(value);
  }

  link(td, [text, address]) {
    const a = make("a", "", text);
    a.href = this.baseUrl + address;
    a.target = "_blank";
    a.rel = "noopener";
    td.append(a);
  }

  act(td, [text, action, target]) {
    const button = make("button", "small", text);
    button.type = "button";
    button.setAttribute("aria-label", `${text} ${target}`);
    button.addEventListener("click", () => this.ask(action, target));
    td.append(button);
  }
}

// ---------------------------------------------------------------------------------- charts

function niceTicks(low, high, most) {
  const span = high - low || 1, raw = span / most, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const ticks = [];
  for (let t = Math.ceil(low / step) * step; t <= high + step * 1e-9; t += step) ticks.push(t);
  return { ticks, step };
}

class ChartView {
  constructor(clock) {
    this.clock = clock;
    this.root = make("figure", "hb-chart");
    this.caption = make("figcaption");
    this.svg = draw("svg", { role: "img" });
    this.root.append(this.caption, this.svg);
    this.chart = null;
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.point(null));
    this.sizes = new ResizeObserver(() => this.paint());
    this.sizes.observe(this.svg);
  }

  close() { this.sizes.disconnect(); }

  take(change) {
    if (change.chart) this.chart = change.chart;
    (change.ends || []).forEach((end, i) => {
      const line = this.chart.lines[i];
      line.x = line.x.slice(0, end.keep).concat(end.x);
      line.y = line.y.slice(0, end.keep).concat(end.y);
    });
    this.paint();
  }

  y(value, step = 0) {
    const percent = this.chart.y_unit === "%";
    const shown = percent ? value * 100 : value;
    const grid = percent ? step * 100 : step;
    const places = grid ? Math.max(0, Math.min(4, -Math.floor(Math.log10(grid) + 1e-9))) : 2;
    const text = Math.abs(shown).toLocaleString("en-US",
      { minimumFractionDigits: places, maximumFractionDigits: places });
    const sign = /^[0.,]+$/.test(text) ? "" : shown < 0 ? "\u2212" : "+";
    return `${sign}${text} ${this.chart.y_unit}`.trim();
  }

  x(value, span) {
    if (this.chart.x_unit !== "time") return `${value.toFixed(1)}`;
    const zone = this.clock.ofExchange ? this.clock.exchange : this.clock.mine;
    const told = this.clock.in(zone, value * 1000);
    if (span > 400 * 86400) return told.slice(0, 10);
    return span > 3 * 86400 ? told.slice(5, 10) : span > 600 ? told.slice(11, 16) : told.slice(11);
  }

  paint() {
    const width = this.svg.clientWidth, height = this.svg.clientHeight;
    if (!this.chart || width < 40) return;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren();
    this.legend();
    const lines = this.chart.lines.filter((line) => line.x.length);
    if (!lines.length) {
      const text = draw("text", { x: width / 2, y: height / 2, "text-anchor": "middle" });
      text.textContent = "nothing yet";
      this.svg.append(text);
      return;
    }
    this.scale(lines, width, height);
    this.axes(width, height);
    lines.forEach((line) => this.mark(line));
    this.cross = draw("line", { class: "cross", y1: 8, y2: height - 22, visibility: "hidden" });
    this.svg.append(this.cross);
  }

  legend(at = null) {
    this.caption.replaceChildren(make("b", "", this.chart.title));
    for (const line of this.chart.lines) {
      const key = make("span", "key"), mark = draw("svg", { width: 18, height: 10 });
      const stroke = `var(--hb-tone-${line.tone})`;
      if (line.mark === "points") mark.append(draw("circle", { cx: 9, cy: 5, r: 3, fill: stroke }));
      else mark.append(draw("line", { x1: 0, x2: 18, y1: 5, y2: 5, stroke, "stroke-width": 2.5,
        "stroke-dasharray": line.tone ? "5 3" : "" }));
      mark.style.width = "18px";
      mark.style.height = "10px";
      const i = at === null ? line.x.length - 1 : this.nearest(line, at);
      const told = line.mark === "points" || i < 0 ? "" : ` ${this.y(line.y[i])}`;
      key.append(mark, make("span", "hb-num", line.name + told));
      this.caption.append(key);
    }
    if (at !== null && this.chart.x_unit === "time") {
      this.caption.append(make("span", "hb-num", this.clock.shown(at * 1000)));
    }
    const told = this.chart.lines.map((l) => l.name + (l.y.length ? ` ${this.y(l.y.at(-1))}` : ""));
    this.svg.setAttribute("aria-label", `${this.chart.title}: ${told.join(", ")}`);
  }

  nearest(line, x) {
    let best = -1;
    for (let i = 0; i < line.x.length && line.x[i] <= x; i += 1) best = i;
    return best;
  }

  scale(lines, width, height) {
    const xs = lines.flatMap((line) => line.x), ys = lines.flatMap((line) => line.y);
    let x0 = xs.reduce((a, b) => Math.min(a, b)), x1 = xs.reduce((a, b) => Math.max(a, b));
    let y0 = ys.reduce((a, b) => Math.min(a, b)), y1 = ys.reduce((a, b) => Math.max(a, b));
    if (lines.some((line) => line.mark !== "points")) { y0 = Math.min(y0, 0); y1 = Math.max(y1, 0); }
    if (x1 === x0) { x0 -= 1; x1 += 1; }
    const least = this.chart.y_unit === "%" ? 0.001 : 0; // a tenth of a per cent is not a cliff
    if (y1 - y0 < least) { y0 -= least / 2; y1 += least / 2; }
    const room = (y1 - y0) * 0.06 || Math.abs(y1) * 0.1 || 0.001;
    y0 -= y0 < 0 || this.chart.x_unit !== "time" ? room : 0;
    y1 += room;
    const left = 62, right = width - 10, top = 8, bottom = height - 22;
    this.left = left; this.right = right;
    this.domain = [x0, x1, y0, y1];
    this.px = (x) => left + ((x - x0) / (x1 - x0)) * (right - left);
    this.py = (y) => bottom - ((y - y0) / (y1 - y0)) * (bottom - top);
    this.back = (px) => x0 + ((px - left) / (right - left)) * (x1 - x0);
  }

  axes(width, height) {
    const [x0, x1, y0, y1] = this.domain, rows = niceTicks(y0, y1, 4);
    for (const tick of rows.ticks) {
      const y = this.py(tick), zero = Math.abs(tick) < rows.step * 1e-6;
      this.svg.append(draw("line", { class: zero ? "zero" : "grid", x1: this.left, x2: this.right,
        y1: y, y2: y }));
      const text = draw("text", { x: this.left - 6, y: y + 4, "text-anchor": "end" });
      text.textContent = this.y(zero ? 0 : tick, rows.step);
      this.svg.append(text);
    }
    const most = Math.max(2, Math.floor((this.right - this.left) / 110));
    for (let i = 0; i <= most; i += 1) {
      const at = x0 + ((x1 - x0) * i) / most, anchor = i === 0 ? "start" : i === most ? "end"
        : "middle";
      const text = draw("text", { x: this.px(at), y: height - 6, "text-anchor": anchor });
      text.textContent = this.x(at, x1 - x0) + (i === most && this.chart.x_unit !== "time"
        ? ` ${this.chart.x_unit}` : "");
      this.svg.append(text);
    }
  }

  mark(line) {
    const colour = `var(--hb-tone-${line.tone})`;
    const points = line.x.map((x, i) => [this.px(x), this.py(line.y[i])]);
    if (line.mark === "points") {
      for (const [cx, cy] of points) {
        this.svg.append(draw("circle", { class: "mark", cx: cx.toFixed(1), cy: cy.toFixed(1), r: 3,
          fill: colour, "fill-opacity": 0.65 }));
      }
      return;
    }
    if (points.length === 1) {
      this.svg.append(draw("circle", { class: "mark", cx: points[0][0], cy: points[0][1], r: 3.5,
        fill: colour }));
      return;
    }
    const path = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join("");
    if (line.mark === "area") {
      const zero = this.py(0), ends = `L${points.at(-1)[0]},${zero}L${points[0][0]},${zero}Z`;
      this.svg.append(draw("path", { d: path + ends, fill: colour, "fill-opacity": 0.25 }));
    }
    const [cx, cy] = points.at(-1);
    this.svg.append(draw("circle", { class: "mark", cx, cy, r: 3, fill: colour }));
    this.svg.append(draw("path", { class: "mark", d: path, fill: "none", stroke: colour,
      "stroke-width": 2, "stroke-linejoin": "round",
      "stroke-dasharray": line.tone === 0 || line.mark === "area" ? "" : "5 3" }));
  }

  point(event) {
    if (!this.chart || !this.cross || !this.back) return;
    if (!event) { this.cross.setAttribute("visibility", "hidden"); this.legend(); return; }
    const px = event.clientX - this.svg.getBoundingClientRect().left;
    this.cross.setAttribute("x1", px);
    this.cross.setAttribute("x2", px);
    this.cross.setAttribute("visibility", "visible");
    if (this.chart.x_unit === "time") this.legend(this.back(px));
  }
}

// ---------------------------------------------------------------------------------- panels

class TableView {
  constructor(face, board) {
    this.face = face;
    this.board = board;
    this.query = { page: 0, rows: face.rows, sort: "", down: false, search: "" };
    this.columns = [];
    this.rows = new Map();
    this.order = [];
    this.total = 0;
    this.charts = [];
    this.build();
  }

  build() {
    const face = this.face;
    this.root = make("section", `hb-panel w${face.width}`);
    this.root.dataset.panel = face.name;
    this.root.style.gridColumn = `span ${face.width}`;
    const head = make("div", "hb-head");
    const title = make("h3", "", face.title);
    title.id = `hb-${this.board.key}-${face.name}`;
    this.root.setAttribute("aria-labelledby", title.id);
    this.note = make("span", "hb-note");
    head.append(title, this.note);
    if (face.search) head.append(this.searchBox());
    this.chartBox = make("div", "hb-charts");
    this.scroll = make("div", "hb-scroll");
    this.scroll.tabIndex = 0;
    this.scroll.setAttribute("role", "region");
    this.scroll.setAttribute("aria-labelledby", title.id);
    this.table = make("table");
    this.table.setAttribute("aria-labelledby", title.id);
    this.thead = make("thead");
    this.tbody = make("tbody");
    this.table.append(this.thead, this.tbody);
    this.empty = make("div", "hb-empty", "nothing yet");
    this.scroll.append(this.table, this.empty);
    this.foot = make("div", "hb-foot");
    this.newer = this.pager("‹", "previous page", -1);
    this.older = this.pager("›", "next page", 1);
    this.count = make("span", "hb-num");
    this.foot.append(this.newer, this.older, this.count);
    this.root.append(head, this.chartBox, this.scroll, this.foot);
  }

  searchBox() {
    const box = make("input");
    box.type = "search";
    box.placeholder = "search";
    box.setAttribute("aria-label", `search ${this.face.title}`);
    let timer = 0;
    box.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.look({ search: box.value, page: 0 }), 200);
    });
    // JupyterLab's own keys must not be pressed by somebody who types a word.
    box.addEventListener("keydown", (event) => event.stopPropagation());
    return box;
  }

  pager(text, label, step) {
    const button = make("button", "small", text);
    button.type = "button";
    button.setAttribute("aria-label", `${label} of ${this.face.title}`);
    button.addEventListener("click", () => this.look({ page: this.query.page + step }));
    return button;
  }

  look(change) {
    Object.assign(this.query, change);
    this.board.send({ type: "query", panel: this.face.name, ...this.query });
  }

  take(change) {
    if (change.columns) this.head(change.columns);
    const fresh = change.columns !== undefined;
    for (const [key, cells] of Object.entries(change.rows || {})) this.row(key, cells, fresh);
    if (change.order) this.arrange(change.order);
    if (change.note !== undefined) { setText(this.note, change.note); this.note.title = change.note; }
    if (change.total !== undefined) this.total = change.total;
    if (change.page !== undefined) this.query.page = change.page;
    for (const part of change.charts || []) this.chart(part);
    this.counted();
  }

  head(columns) {
    this.columns = columns;
    this.rows.clear();
    this.tbody.replaceChildren();
    const row = make("tr");
    for (const column of columns) {
      const figure = ["figure", "percent"].includes(column.kind);
      const th = make("th", figure ? "figure" : "");
      th.scope = "col";
      const title = column.title + (column.unit ? ` ${column.unit}` : "");
      if (["act", "spark", "link"].includes(column.kind) || !title) {
        th.textContent = title;
      } else {
        const button = make("button", "", title);
        button.type = "button";
        button.addEventListener("click", () => this.sort(column.name));
        th.append(button);
      }
      th.dataset.name = column.name;
      row.append(th);
    }
    this.thead.replaceChildren(row);
    this.root.classList.toggle("many", columns.length > 8);
    this.sorted();
  }

  sort(name) {
    const { sort, down } = this.query;
    if (sort !== name) this.look({ sort: name, down: true, page: 0 });
    else if (down) this.look({ sort: name, down: false, page: 0 });
    else this.look({ sort: "", down: false, page: 0 });
    this.sorted();
  }

  sorted() {
    for (const th of this.thead.querySelectorAll("th")) {
      const mine = th.dataset.name === this.query.sort && this.query.sort !== "";
      th.setAttribute("aria-sort", mine ? (this.query.down ? "descending" : "ascending") : "none");
      const button = th.querySelector("button");
      if (button) {
        const title = button.textContent.replace(/ [▲▼]$/, "");
        setText(button, title + (mine ? (this.query.down ? " ▼" : " ▲") : ""));
      }
    }
  }

  row(key, cells, fresh) {
    const known = this.rows.get(key);
    if (!known) {
      const tr = make("tr");
      tr.dataset.key = key;
      cells.forEach((value, i) => {
        const figure = ["figure", "percent"].includes(this.columns[i].kind);
        const td = make("td", figure ? "figure" : "");
        td.dataset.name = this.columns[i].name;
        this.board.cells.fill(td, value, this.columns[i]);
        tr.append(td);
      });
      this.rows.set(key, { tr, cells });
      return;
    }
    cells.forEach((value, i) => {
      if (JSON.stringify(known.cells[i]) === JSON.stringify(value)) return;
      const td = known.tr.children[i];
      this.board.cells.fill(td, value, this.columns[i]);
      if (!fresh) {
        td.classList.remove("changed");
        void td.offsetWidth; // so that the mark of a change begins anew
        td.classList.add("changed");
      }
    });
    known.cells = cells;
  }

  arrange(order) {
    const wanted = new Set(order);
    for (const [key, { tr }] of this.rows) {
      if (!wanted.has(key)) { tr.remove(); this.rows.delete(key); }
    }
    order.forEach((key, i) => {
      const { tr } = this.rows.get(key), there = this.tbody.children[i];
      if (there !== tr) this.tbody.insertBefore(tr, there || null);
    });
    this.order = order;
  }

  counted() {
    const some = this.order.length > 0;
    this.table.hidden = !some;
    this.empty.hidden = some;
    setText(this.empty, this.query.search ? "nothing found" : "nothing yet");
    const pages = Math.max(1, Math.ceil(this.total / this.query.rows));
    this.foot.hidden = this.total <= this.query.rows;
    this.newer.disabled = this.query.page <= 0;
    this.older.disabled = this.query.page >= pages - 1;
    const first = this.query.page * this.query.rows;
    setText(this.count, `${(first + 1).toLocaleString("en-US")}–` +
      `${(first + this.order.length).toLocaleString("en-US")} of ` +
      `${this.total.toLocaleString("en-US")}`);
  }

  chart(part) {
    while (this.charts.length <= part.n) {
      const view = new ChartView(this.board.clock);
      this.charts.push(view);
      this.chartBox.append(view.root);
    }
    this.charts[part.n].take(part);
  }

  retime() {
    const times = this.columns.map((c, i) => [c, i]).filter(([c]) => c.kind === "time");
    for (const { tr, cells } of this.rows.values()) {
      for (const [column, i] of times) this.board.cells.fill(tr.children[i], cells[i], column);
    }
    this.charts.forEach((chart) => chart.paint());
  }

  tick() {}

  close() { this.charts.forEach((chart) => chart.close()); }
}

class FiguresView {
  constructor(face, board) {
    this.board = board;
    this.root = make("section", "hb-bar");
    this.root.dataset.panel = face.name;
    this.root.setAttribute("aria-label", face.title);
    this.query = { page: 0, rows: 50 };
    this.names = [];
    this.tiles = new Map();
  }

  take(change) {
    if (change.columns) this.names = change.columns.map((column) => column.name);
    for (const [key, cells] of Object.entries(change.rows || {})) {
      const values = Object.fromEntries(this.names.map((name, i) => [name, cells[i]]));
      this.tile(key, values);
    }
    for (const key of change.order || []) this.root.append(this.tiles.get(key).root);
    if (change.order) {
      for (const [key, tile] of this.tiles) {
        if (!change.order.includes(key)) { tile.root.remove(); this.tiles.delete(key); }
      }
    }
  }

  tile(key, values) {
    if (!this.tiles.has(key)) {
      const root = make("div", "hb-tile"), name = make("div", "hb-name"),
        value = make("div", "hb-value"), detail = make("div", "hb-detail");
      root.append(name, value, detail);
      root.dataset.key = key;
      this.tiles.set(key, { root, name, value, detail });
    }
    const tile = this.tiles.get(key);
    tile.values = values;
    tile.root.className = `hb-tile ${values.standing || ""}`;
    setText(tile.name, values.figure);
    this.fill(tile);
  }

  fill(tile) {
    const { value, detail, at, since } = tile.values, clock = this.board.clock;
    if (at !== null) {
      const zone = clock.exchange, mine = clock.mine;
      setText(tile.value, `${clock.in(zone, at, false)} ${clock.name(zone, at)}`);
      const day = clock.in(zone, at).slice(0, 10), told = detail || "";
      const yours = `yours ${clock.in(mine, at, false)} ${clock.name(mine, at)}`;
      const parts = [told, told.includes(day) ? "" : day, yours];
      setText(tile.detail, parts.filter(Boolean).join("; "));
    } else {
      setText(tile.value, since !== null ? clock.ago(since) : value || "–");
      setText(tile.detail, detail || "");
    }
    tile.value.title = tile.value.textContent;
  }

  tick() {
    for (const tile of this.tiles.values()) if (tile.values.since !== null) this.fill(tile);
  }

  retime() { for (const tile of this.tiles.values()) this.fill(tile); }

  close() {}
}

// ---------------------------------------------------------------------------------- the board

class BoardView {
  constructor(model, el) {
    this.model = model;
    this.key = Math.random().toString(36).slice(2, 12);
    this.clock = new Clock();
    this.views = new Map();
    this.got = 0;
    this.told = 0;
    this.heard = Date.now();
    this.pinged = 0;
    this.cells = new Cells(this.clock, baseUrl(), (action, target) => this.ask(action, target));
    this.build(el);
    this.listen();
    this.hello();
  }

  build(el) {
    this.root = make("div", "hydra-board");
    this.root.setAttribute("role", "region");
    this.root.setAttribute("aria-label", "HYDRA dashboard");
    this.root.dataset.lmSuppressShortcuts = "true"; // keys are the page's here, not the notebook's
    this.banner = make("div", "hb-banner");
    this.banner.setAttribute("role", "status");
    this.banner.hidden = true;
    this.bars = make("div");
    this.bars.append(make("div", "hb-empty", "reading the journal …"));
    this.controls = make("div", "hb-controls");
    this.controls.setAttribute("role", "toolbar");
    this.controls.setAttribute("aria-label", "controls");
    this.confirm = make("div", "hb-confirm");
    this.confirm.setAttribute("role", "group");
    this.confirm.hidden = true;
    this.said = make("div", "hb-said");
    this.said.setAttribute("aria-live", "polite");
    this.said.hidden = true;
    this.grid = make("div", "hb-grid");
    this.root.append(this.banner, this.bars, this.controls, this.confirm, this.said, this.grid);
    el.append(this.root);
    this.buttons();
    this.dark();
  }

  buttons() {
    const acts = [["Halt", "halt", "danger"], ["Halt and flatten", "flatten", "danger"],
      ["Resume", "resume", ""], ["Cancel all orders", "cancel_all", ""]];
    this.actButtons = acts.map(([text, action, look]) => {
      const button = make("button", look, text);
      button.type = "button";
      button.dataset.action = action;
      button.addEventListener("click", () => this.ask(action, ""));
      return button;
    });
    this.zone = make("button", "", "");
    this.zone.type = "button";
    this.zone.dataset.action = "zone";
    this.zone.addEventListener("click", () => {
      this.clock.ofExchange = !this.clock.ofExchange;
      this.zoned();
    });
    this.server = make("span", "hb-note hb-num");
    this.server.style.flex = "0 1 auto";
    this.controls.append(...this.actButtons, make("span", "hb-spacer"), this.server, this.zone);
    this.zoned();
  }

  zoned() {
    const zone = this.clock.ofExchange ? this.clock.exchange : this.clock.mine;
    this.zone.textContent = `times: ${this.clock.ofExchange ? "exchange" : "mine"} (${zone})`;
    this.views.forEach((view) => view.retime());
  }

  dark() {
    const back = getComputedStyle(this.root).backgroundColor.match(/[\d.]+/g) || [255, 255, 255];
    const light = 0.3 * back[0] + 0.59 * back[1] + 0.11 * back[2];
    this.root.classList.toggle("hb-dark", light < 128 && (back.length < 4 || +back[3] > 0));
  }

  listen() {
    this.onMessage = (message) => this.take(message);
    this.model.on("msg:custom", this.onMessage);
    this.onSevered = () => this.lost();
    this.model.on("comm_live_update", this.onSevered); // JupyterLab's kernel restarts
    this.onVisible = () => this.look();
    document.addEventListener("visibilitychange", this.onVisible);
    this.shown = true;
    this.sight = new IntersectionObserver((entries) => {
      this.shown = entries.at(-1).isIntersecting;
      this.look();
    });
    this.sight.observe(this.root);
    this.themes = new MutationObserver(() => this.dark());
    this.themes.observe(document.body, { attributes: true });
    this.timer = setInterval(() => this.tick(), 1000);
  }

  get visible() { return document.visibilityState === "visible" && this.shown; }

  send(message) {
    try {
      this.model.send({ ...message, view: this.key });
    } catch (problem) {
      this.lost();
    }
  }

  hello() {
    const queries = {};
    for (const [name, view] of this.views) queries[name] = view.query;
    this.saidVisible = this.visible;
    this.send({ type: "hello", visible: this.visible, queries });
    this.pinged = Date.now();
  }

  look() {
    if (this.visible === this.saidVisible) return;
    this.saidVisible = this.visible;
    this.send({ type: "visible", visible: this.visible });
    if (this.visible) this.tell(true);
  }

  tell(ping = false) {
    this.told = Date.now();
    this.toldNumber = this.got;
    if (ping) this.pinged = this.pinged || Date.now();
    this.send({ type: "got", n: this.got, ping });
  }

  tick() {
    this.views.forEach((view) => view.tick());
    this.dark(); // a theme's colours come late, and change without a word
    const now = Date.now();
    setText(this.server, `server ${this.clock.shown(this.clock.now())}`);
    if (!this.visible) return;
    if (this.pinged && now - this.pinged > GONE_MS) this.lost();
    else if (!this.pinged && now - this.heard > PING_MS) this.tell(true);
    else if (this.got !== this.toldNumber && now - this.told >= TELL_MS) this.tell();
  }

  lost() {
    this.banner.hidden = false;
    setText(this.banner, "The kernel does not answer: what stands here is old. Run the cell again " +
      "(in JupyterLab: Run, Restart Kernel and Run All Cells), or load the page again.");
    this.actButtons.forEach((button) => { button.disabled = true; });
    if (Date.now() - (this.tried || 0) > PING_MS) { this.tried = Date.now(); this.hello(); }
  }

  take(message) {
    if (message.view !== this.key) return;
    this.heard = Date.now();
    this.pinged = 0;
    if (!this.banner.hidden) {
      this.banner.hidden = true;
      this.actButtons.forEach((button) => { button.disabled = false; });
    }
    if (message.type === "all") this.all(message);
    if (message.type === "news" || message.type === "all") this.news(message);
    if (message.type === "confirm") this.question(message);
    if (message.type === "done") this.done(message);
  }

  all(message) {
    this.clock.exchange = message.layout.zone;
    this.views.forEach((view) => view.close());
    const queries = new Map([...this.views].map(([name, view]) => [name, view.query]));
    this.views.clear();
    this.bars.replaceChildren();
    this.grid.replaceChildren();
    this.controls.querySelectorAll("[data-action]").forEach((button) => {
      if (button !== this.zone) button.hidden = !message.layout.controls;
    });
    for (const face of message.layout.panels) {
      const view = face.view === "figures" ? new FiguresView(face, this)
        : new TableView(face, this);
      if (queries.has(face.name)) Object.assign(view.query, queries.get(face.name));
      this.views.set(face.name, view);
      (face.view === "figures" ? this.bars : this.grid).append(view.root);
    }
    this.zoned();
  }

  news(message) {
    this.got = message.n ?? this.got;
    if (message.now) this.clock.ahead = message.now - Date.now();
    if (message.problem) {
      this.banner.hidden = false;
      setText(this.banner, message.problem);
    }
    for (const [name, change] of Object.entries(message.panels)) this.views.get(name)?.take(change);
    this.root.dataset.n = this.got;
    if (message.type === "all") this.tick();
  }

  // ------------------------------------------------------------------------------- controls

  ask(action, target) {
    this.asker = document.activeElement;
    this.send({ type: "ask", action, target });
  }

  question(message) {
    this.confirm.replaceChildren(make("p", "", message.sentence));
    const close = make("button", "", message.token ? "No, leave it" : "Close");
    close.type = "button";
    close.addEventListener("click", () => this.answer(null, ""));
    let reason = null;
    if (message.token) {
      if (message.reason) {
        reason = make("input");
        reason.type = "text";
        reason.placeholder = "reason, for the journal";
        reason.setAttribute("aria-label", "reason, for the journal");
        this.confirm.append(reason);
      }
      const yes = make("button", "danger", "Yes, do it");
      yes.type = "button";
      yes.dataset.action = "yes";
      const needed = reason && message.action !== "halt" && message.action !== "flatten";
      yes.disabled = Boolean(needed);
      reason?.addEventListener("input", () => { yes.disabled = needed && !reason.value.trim(); });
      reason?.addEventListener("keydown", (event) => {
        if (event.key === "Escape") return;
        event.stopPropagation();
        if (event.key === "Enter" && !yes.disabled) yes.click();
      });
      yes.addEventListener("click", () => this.answer(message.token, reason ? reason.value : ""));
      this.confirm.append(yes);
    }
    this.confirm.append(close);
    this.confirm.onkeydown = (event) => { if (event.key === "Escape") this.answer(null, ""); };
    this.confirm.hidden = false;
    this.confirm.scrollIntoView({ block: "nearest" });
    (reason || close).focus();
  }

  answer(token, reason) {
    this.confirm.hidden = true;
    this.confirm.replaceChildren();
    if (token) {
      this.tellPeople(true, ["… on its way"]);
      this.said.dataset.state = "busy";
      this.send({ type: "act", token, reason });
    }
    if (this.asker?.isConnected) this.asker.focus();
  }

  done(message) {
    this.tellPeople(message.well, message.said);
    this.said.dataset.state = message.well ? "done" : "refused";
  }

  tellPeople(well, sentences) {
    this.said.hidden = false;
    this.said.classList.toggle("bad", !well);
    this.said.replaceChildren(...sentences.map((text) => make("p", "", text)));
  }

  close() {
    this.send({ type: "bye" });
    this.model.off("msg:custom", this.onMessage);
    this.model.off("comm_live_update", this.onSevered);
    document.removeEventListener("visibilitychange", this.onVisible);
    this.sight.disconnect();
    this.themes.disconnect();
    clearInterval(this.timer);
    this.views.forEach((view) => view.close());
  }
}

function baseUrl() {
  const config = document.getElementById("jupyter-config-data");
  let url = document.body?.dataset.baseUrl || "/";
  try {
    url = JSON.parse(config.textContent).baseUrl || url;
  } catch (problem) { /* a page without a Jupyter server: links count from its root */ }
  return url.endsWith("/") ? url : `${url}/`;
}

export default {
  render({ model, el }) {
    const view = new BoardView(model, el);
    return () => view.close();
  },
};
