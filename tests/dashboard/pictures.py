"""`make pictures`: the README's pictures of the dashboard, taken of the real thing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.conftest import ROOT
from tests.dashboard.pages import open_place

FOLDER = ROOT / "docs" / "pictures"


def main() -> None:
    """Take each picture of a gateway that has traded five sessions."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open_place(Path(folder), 5) as place:
        for theme in ("light", "dark"):
            context = place.context()
            page = place.voila(context, theme)
            if theme == "dark":
                page.locator(".hydra-board.hb-dark").wait_for()
            page.screenshot(path=FOLDER / f"dashboard-{theme}.png")
            context.close()
        context = place.context(viewport={"width": 1920, "height": 1200})
        page = place.voila(context)
        page.screenshot(path=FOLDER / "dashboard-wide.png", full_page=True)
        context.close()
        context = place.context(viewport={"width": 1440, "height": 900})
        page = place.lab(context)
        page.locator(".hydra-board button[data-action=flatten]").click()
        page.locator(".hb-confirm input").wait_for()
        page.locator(".hydra-board").evaluate("node => node.scrollIntoView()")
        page.screenshot(path=FOLDER / "dashboard-in-jupyterlab.png")
        context.close()


if __name__ == "__main__":
    main()
