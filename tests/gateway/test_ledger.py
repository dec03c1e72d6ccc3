"""The ledger of realism: its rows name what there is, and its page is current."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from hydra.gateway.errors import SettingsError
from hydra.gateway.ledger import KINDS, count_lines, counts, listing, load_ledger, page
from hydra.gateway.realism_command import main

ROOT = Path(__file__).parents[2]
LEDGER = load_ledger()
PAGE = ROOT / "docs" / "realism.md"
LEAST = 280  # rows that are recorded, told or documented


@cache
def names_in(path: str) -> frozenset[str]:
    """Functions, classes, their members and constants of a file, without importing it."""
    return frozenset(_names(ast.parse((ROOT / path).read_text(encoding="utf-8")).body, ""))


def _names(body: list[ast.stmt], within: str):
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield within + node.name
        if isinstance(node, ast.ClassDef):
            yield from _names(node.body, f"{within}{node.name}.")
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        yield from (within + one.id for one in targets if isinstance(one, ast.Name))


# --- what the rows say ---------------------------------------------------------------------------


def test_every_place_in_the_code_is_there():
    placed = [row.code.partition(":") for row in LEDGER if row.code]
    assert [(p, n) for p, _, n in placed if not (ROOT / p).is_file() or n not in names_in(p)] == []


def test_every_test_is_there():
    held = [row.test.partition("::") for row in LEDGER if row.test]
    assert [(p, n) for p, _, n in held if not (ROOT / p).is_file() or n not in names_in(p)] == []


def test_what_is_held_by_a_test_is_simulated():
    assert [row.name for row in LEDGER if row.test and not row.code] == []


def test_no_row_is_there_twice():
    for texts in ([row.what for row in LEDGER], [(row.subject, row.name) for row in LEDGER]):
        assert [text for text, count in Counter(texts).items() if count > 1] == []


def test_every_row_but_those_that_are_unknown_has_a_source():
    assert [row.name for row in LEDGER if bool(row.source) == (row.kind == "unknown")] == []


def test_every_row_is_one_sentence():
    assert [row.what for row in LEDGER if row.what[-1] != "." or ". " in row.what] == []


def test_there_are_as_many_rows_with_a_source_as_were_found():
    by_kind = counts(LEDGER)
    assert sum(by_kind[kind][0] for kind in KINDS if kind != "unknown") >= LEAST


# --- how they are shown --------------------------------------------------------------------------


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == page(LEDGER), (
        "make it anew: hydra realism --page docs/realism.md"
    )


def test_the_counts_by_kind_add_up():
    simulated = sum(1 for row in LEDGER if row.code)
    assert count_lines(LEDGER)[-1].split() == [
        *("all", str(len(LEDGER)), "rows:", str(simulated), "simulated,"),
        *(str(len(LEDGER) - simulated), "not"),
    ]
    assert sum(total for total, _ in counts(LEDGER).values()) == len(LEDGER)


def test_the_listing_has_every_row_in_eighty_columns():
    lines = listing(LEDGER)
    assert max(map(len, lines)) <= 80
    told = " ".join(" ".join(lines).split())
    assert [row.what for row in LEDGER if row.what not in told] == []


def test_without_a_file_the_command_lists_the_ledger(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out == "\n".join(listing(LEDGER)) + "\n"


def test_the_command_writes_the_page(tmp_path):
    assert main(["--page", str(tmp_path / "realism.md")]) == 0
    assert (tmp_path / "realism.md").read_text(encoding="utf-8") == page(LEDGER)


def test_a_page_that_cannot_be_written_is_answered_with_a_sentence(tmp_path, capsys):
    assert main(["--page", str(tmp_path / "nowhere" / "realism.md")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_a_page_of_a_recording_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "one.jsonl"), "--page", str(tmp_path / "realism.md")])
    assert "--page is of the ledger" in capsys.readouterr().err


# --- rows that are wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[one]\nwhat = 'It is.'\nkind = 'heard'", "heard.* none of recorded, told"),
        ("[one]\nwhat = 'It is.'\nkind = 'told'", "told needs a source"),
        ("[one]\nkind = 'unknown'", "what is missing"),
        ("[one]\nwhat = 'It is.'\nkind = 'unknown'\ntets = ''", "tets .* did you mean 'test'"),
        ("[one]\nwhat = 5\nkind = 'unknown'", "a table of texts"),
        ("one = 'It is.'", "a table of texts"),
        ("[one", "cannot be read"),
    ],
)
def test_a_row_that_is_wrong_is_refused_with_a_sentence(tmp_path, text, sentence):
    (tmp_path / "two_words.toml").write_text(text)
    with pytest.raises(SettingsError, match=sentence) as refusal:
        load_ledger(tmp_path)
    assert "two" in str(refusal.value)


def test_a_row_has_the_subject_of_its_file(tmp_path):
    (tmp_path / "two_words.toml").write_text("[one]\nwhat = 'It is.'\nkind = 'unknown'")
    (row,) = load_ledger(tmp_path)
    assert (row.subject, row.name, row.source, row.code) == ("two words", "one", "", "")
