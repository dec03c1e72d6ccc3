// The first page's links and its one button. Written by hand; nothing is fetched.

function baseUrl() {
  const config = document.getElementById("jupyter-config-data");
  try {
    const url = JSON.parse(config.textContent).baseUrl;
    return url.endsWith("/") ? url : `${url}/`;
  } catch (problem) {
    return "/";
  }
}

function link(text, path, main) {
  const a = document.createElement("a");
  a.textContent = text;
  a.href = baseUrl() + path;
  a.target = "_blank";
  a.rel = "noopener";
  if (main) a.className = "main";
  return a;
}

export default {
  render({ model, el }) {
    const root = document.createElement("div"), said = document.createElement("div"),
      row = document.createElement("div"), trade = document.createElement("button");
    root.className = "hydra-start";
    root.dataset.lmSuppressShortcuts = "true";
    row.className = "row";
    said.setAttribute("aria-live", "polite");
    trade.type = "button";
    trade.addEventListener("click", () => model.send("trade"));
    row.append(link("Open the dashboard", "voila/render/04_dashboard.ipynb", true), trade,
      link("Dashboard as a notebook", "lab/tree/04_dashboard.ipynb", false));
    root.append(said, row);
    el.append(root);
    const draw = () => {
      said.replaceChildren(...model.get("sentences").map((sentence) => {
        const p = document.createElement("p");
        p.textContent = sentence;
        return p;
      }));
      trade.disabled = model.get("busy");
      trade.textContent = model.get("busy") ? "a session is on …"
        : `Trade a paper session now (${model.get("strategy")})`;
    };
    model.on("change:sentences change:busy", draw);
    draw();
    return () => model.off("change:sentences change:busy", draw);
  },
};
