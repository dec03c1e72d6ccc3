"""What the repository itself promises: a lock without hosts, layers that bite, no secrets."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

CLIENTS = ROOT / "tests" / "gateway" / "clients" / "locks"


def tracked() -> list[Path]:
    """Files that git tracks, or all files where there is no git (a source archive)."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.split("\n") if listed.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_the_lock_pins_and_hashes_everything_and_names_no_host():
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    pins = re.findall(
        r"^[a-z0-9][\w.-]*(?:\[[\w,]+\])?==\S+.*$", text, re.MULTILINE | re.IGNORECASE
    )
    assert len(pins) > 100
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", text.strip())
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)


@pytest.mark.parametrize("wanted", sorted(CLIENTS.glob("*.in")), ids=lambda path: path.stem)
def test_each_foreign_client_is_pinned_and_hashed_and_its_lock_names_no_host(wanted):
    text = wanted.with_suffix(".lock").read_text()
    assert "://" not in text
    locked = {
        name.partition("[")[0].replace("_", "-"): pin
        for name, pin in pins(wanted.with_suffix(".lock")).items()
    }
    assert all(hashes for _, hashes in locked.values())
    named = dict(re.findall(r"(?m)^([\w.-]+)(?:\[\w+\])?==(\S+)$", wanted.read_text()))
    assert named == {name: locked[name.lower().replace("_", "-")][0] for name in named} != {}


def test_every_dependency_is_in_the_lock():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    locked = {
        line.partition("==")[0].lower()
        for line in (ROOT / "requirements.lock").read_text().split("\n")
    }
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.match(r"[\w.-]+", item)[0].lower() for item in wanted}
    assert names <= locked


def pins(lock: str | Path) -> dict[str, tuple[str, list[str]]]:
    """Version and hashes by name; on which systems a pin holds depends on who wants it."""
    text = (ROOT / lock).read_text().strip()
    return {
        block.partition("==")[0].lower(): (
            re.search(r"==([^ ;]+)", block)[1],
            re.findall(r"sha256:[0-9a-f]+", block),
        )
        for block in re.split(r"\n(?=[a-zA-Z0-9])", text)
        if "==" in block
    }


def test_the_images_lock_pins_the_same_as_the_whole_one_and_nothing_of_the_developers():
    whole, image = pins("requirements.lock"), pins("requirements-production.lock")
    assert {name: whole.get(name) for name in image} == image
    assert "://" not in (ROOT / "requirements-production.lock").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {re.match(r"[\w.-]+", i)[0].lower() for i in project["project"]["dependencies"]}
    assert wanted <= {name.partition("[")[0] for name in image}
    assert not {"pytest", "mypy", "ruff", "hypothesis", "playwright", "pre-commit"} & set(image)
    makefile = (ROOT / "Makefile").read_text()
    assert "-o requirements.lock" in makefile
    assert "-o requirements-production.lock" in makefile


def test_the_image_is_built_from_its_lock_before_the_source_is_copied():
    steps = (ROOT / "docker" / "Dockerfile").read_text()
    assert steps.index("requirements-production.lock /build/") < steps.index("COPY hydra")
    assert "--require-hashes" in steps
    assert "USER hydra" in steps


def test_ci_runs_the_checks_and_the_readmes_test_command():
    script = (ROOT / ".ci" / "run").read_text()
    assert "make check" in script
    assert "make test" in script
    assert "make test" in (ROOT / "README.md").read_text()


def test_a_wrong_import_breaks_the_layers(tmp_path):
    """The contract is worth nothing unless it catches an import that points the wrong way."""
    copy = tmp_path / "hydra"
    subprocess.run(["cp", "-r", str(ROOT / "hydra"), str(copy)], check=True)
    for name in ("pyproject.toml",):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (copy / "domain" / "wrong.py").write_text('"""Points up."""\nimport hydra.wiring\n')
    (copy / "gateway" / "wrong.py").write_text(
        '"""Shares a type."""\nimport hydra.domain.orders\n'
    )
    (copy / "strategies" / "_wrong.py").write_text('"""Looks at a clock."""\nimport time\n')
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    for contract in ("Imports point at the domain", "test oracle", "must be pure"):
        assert re.search(f"{contract}.* BROKEN", done.stdout), done.stdout


def test_no_environment_file_and_no_journal_is_tracked():
    names = [path.name for path in tracked()]
    assert ".env" not in names
    assert not [name for name in names if name.endswith((".db", ".db-wal"))]
