"""What conda users install is what the project declares: the same names, the same bounds."""

import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
NAMED_OTHERWISE = {"python-tzdata": "tzdata"}
"""conda-forge's names where they are not PyPI's."""


def declared() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return bounds(project["dependencies"])


def bounds(lines: list[str]) -> dict[str, str]:
    requirements = [Requirement(line) for line in lines]
    return {
        canonicalize_name(NAMED_OTHERWISE.get(r.name, r.name)): str(r.specifier)
        for r in requirements
    }


def environment() -> tuple[list[str], list[str]]:
    """The lines of the conda section and of the pip section."""
    lines = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    return [line for line in lines if isinstance(line, str)], lines[-1]["pip"]


def test_conda_and_pip_sections_together_are_the_declared_dependencies():
    conda, pip = environment()
    assert pip[-1] == "-e ."
    assert bounds(conda[2:]) | bounds(pip[:-1]) == declared()
    assert len(conda[2:] + pip[:-1]) == len(declared()), "one is in both sections"


def test_the_environment_has_pip_and_a_python_that_the_project_supports():
    conda, _ = environment()
    assert conda[1] == "pip"
    version = conda[0].removeprefix("python=")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert Requirement(f"python{project['requires-python']}").specifier.contains(version)
