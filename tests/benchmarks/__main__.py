"""Run every benchmark that is found: `python -m tests.benchmarks [NAME …]`."""

import importlib
import pkgutil
import sys

import tests.benchmarks as here


def main(wanted: list[str]) -> None:
    """Run those named, or all; each module has `run()`."""
    names = [module.name for module in pkgutil.iter_modules(here.__path__)]
    for name in names:
        if name.startswith("bench_") and (not wanted or name.removeprefix("bench_") in wanted):
            module = importlib.import_module(f"{here.__name__}.{name}")
            print(f"\n## {name.removeprefix('bench_')}: {module.__doc__.splitlines()[0]}")
            module.run()


if __name__ == "__main__":
    main(sys.argv[1:])
