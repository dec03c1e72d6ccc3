"""The README's table names every check that is found, and none that is not."""

import re

from hydra import plugins
from tests.conftest import ROOT


def test_the_table_of_checks_has_a_row_for_each_check_found_and_no_other():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text[text.index("## What is checked before an order leaves") :]
    rows = re.findall(r"^\| `(\w+)` \| yes \|", section, re.MULTILINE)
    assert rows == list(plugins.find("risk"))
