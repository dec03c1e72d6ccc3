"""File name → class: each file without a leading underscore in a plug-in folder is one."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any

from hydra.errors import BadParameter, UnknownName, nearest, unknown

KINDS = {
    "strategies": "strategy",
    "sizing": "sizing",
    "risk": "risk check",
    "breakers": "circuit breaker",
    "algos": "order algorithm",
    "brokers": "broker",
    "data": "data source",
    "dashboard": "panel",
}
"""Plug-in folders and what one plug-in of each is called."""

PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Plugin:
    """A plug-in that was found and not yet loaded."""

    folder: str
    name: str
    path: Path
    own: bool
    """True for a user's file, False for one that came with HYDRA."""

    @property
    def summary(self) -> str:
        """First line of the file's docstring, read without running the file."""
        try:
            text = ast.get_docstring(ast.parse(self.path.read_text(encoding="utf-8")))
        except (SyntaxError, UnicodeDecodeError) as problem:
            return f"cannot be read: {problem}"
        return text.splitlines()[0] if text else ""


def find(folder: str, own_root: Path | None = None) -> dict[str, Plugin]:
    """Plug-ins of one folder by name; those under `own_root`/`folder` join the built-in ones.

    A user's file with a built-in name is refused: which of the two would trade must not depend on
    the folder a command was typed in.
    """
    found = {p.name: p for p in _scan(PACKAGE / folder, folder, own=False)}
    for plugin in _scan(own_root / folder, folder, own=True) if own_root else []:
        if plugin.name in found:
            raise BadParameter(
                f"{plugin.path} has the name of a built-in {KINDS[folder]}; rename the file."
            )
        found[plugin.name] = plugin
    return dict(sorted(found.items()))


def load(folder: str, name: str, own_root: Path | None = None) -> type[Any]:
    """The class of one plug-in; raises `UnknownName` with the nearest name when there is none."""
    found = find(folder, own_root)
    if name not in found:
        raise UnknownName(unknown(KINDS[folder], name, found))
    plugin = found[name]
    module = _import_own(plugin) if plugin.own else importlib.import_module(_module(plugin))
    return _the_class(module, plugin)


def configure(
    folder: str, name: str, given: Mapping[str, Any], own_root: Path | None = None
) -> Any:
    """An instance of one plug-in from its parameters, each checked against the dataclass field."""
    cls = load(folder, name, own_root)
    if not is_dataclass(cls):
        raise BadParameter(
            f"{KINDS[folder]} {name} is not a dataclass, so it takes no parameters."
        )
    return cls(**typed(cls, given, f"{KINDS[folder]} {name}"))


def typed(cls: type[Any], given: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Check names and types of `given` against a dataclass; texts of numbers are converted.

    Raises `UnknownName` for a field that is not there and `BadParameter` for a wrong type or a
    field without default that is missing; both name `owner`.
    """
    hints = typing.get_type_hints(cls)
    known = {f.name: f for f in fields(cls) if f.init and not f.name.startswith("_")}
    for key in given:
        if key not in known:
            raise UnknownName(unknown(f"parameter of {owner}", key, known))
    missing = [name for name, f in known.items() if _required(f) and name not in given]
    if missing:
        raise BadParameter(f"{owner} needs {', '.join(missing)}, which was not given.")
    return {key: convert(value, hints[key], f"{owner}: {key}") for key, value in given.items()}


def convert(value: Any, wanted: Any, what: str) -> Any:
    """`value` as the annotated type `wanted`, from the type itself or its text form.

    Never loses anything on the way: 2.5 is no int, "yes" is no number. Raises `BadParameter`.
    """
    if typing.get_origin(wanted) in (typing.Union, UnionType):
        return _convert_union(value, typing.get_args(wanted), what)
    if typing.get_origin(wanted) is tuple:
        items = value.split(",") if isinstance(value, str) else value
        if isinstance(items, Sequence):
            inner = typing.get_args(wanted)[0]
            return tuple(
                convert(i.strip() if isinstance(i, str) else i, inner, what) for i in items
            )
        raise BadParameter(f"{what} is {value!r}; it takes a list.")
    if typing.get_origin(wanted) is Mapping:
        return _convert_mapping(value, typing.get_args(wanted)[1], what)
    return _convert_plain(value, wanted, what)


def _convert_mapping(value: Any, inner: Any, what: str) -> Any:
    """A table of texts to values of one type."""
    if not isinstance(value, Mapping):
        raise BadParameter(f"{what} is {value!r}; it takes a table such as {{ AAPL = … }}.")
    return {str(key): convert(item, inner, f"{what}.{key}") for key, item in value.items()}


def _convert_union(value: Any, options: tuple[Any, ...], what: str) -> Any:
    if value is None and type(None) in options:
        return None
    for option in options:
        if option is not type(None):
            return convert(value, option, what)
    raise BadParameter(f"{what} is {value!r}; it takes nothing.")


def _convert_plain(value: Any, wanted: Any, what: str) -> Any:
    if wanted is bool or isinstance(value, bool):
        return _convert_bool(value, wanted, what)
    if isinstance(value, wanted):
        return value
    if wanted is Decimal and isinstance(value, float):
        return Decimal(str(value))  # the decimal that was written: Decimal(0.9) is another number
    try:
        if isinstance(value, str) or (wanted is not str and wanted(value) == value):
            return wanted(value)
    except (ValueError, TypeError, ArithmeticError):
        pass
    raise BadParameter(f"{what} is {value!r} ({type(value).__name__}); it takes {_named(wanted)}.")


def _convert_bool(value: Any, wanted: Any, what: str) -> Any:
    word = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if wanted is bool and isinstance(value, bool):
        return value
    if wanted is bool and str(value).lower() in word:
        return word[str(value).lower()]
    allowed = "true or false" if wanted is bool else _named(wanted)
    raise BadParameter(f"{what} is {value!r} ({type(value).__name__}); it takes {allowed}.")


def _named(wanted: Any) -> str:
    return {int: "a whole number", float: "a number", str: "a text"}.get(wanted) or str(
        wanted.__name__
    )


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _scan(directory: Path, folder: str, *, own: bool) -> list[Plugin]:
    if not directory.is_dir():
        return []
    files = sorted(p for p in directory.glob("*.py") if not p.name.startswith("_"))
    return [Plugin(folder, p.stem, p, own) for p in files]


def _module(plugin: Plugin) -> str:
    return f"hydra.{plugin.folder}.{plugin.name}"


def _import_own(plugin: Plugin) -> ModuleType:
    """Import a user's file; its module name is kept apart so that it can shadow nothing."""
    name = f"hydra_own.{plugin.folder}.{plugin.name}"
    spec = importlib.util.spec_from_file_location(name, plugin.path)
    if spec is None or spec.loader is None:
        raise BadParameter(f"{plugin.path} cannot be loaded as Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        del sys.modules[name]
        raise BadParameter(f"{plugin.path} cannot be loaded: {problem!r}.") from problem
    return module


def _the_class(module: ModuleType, plugin: Plugin) -> type[Any]:
    """The class whose name is the file's name, underscores and case apart."""
    wanted = plugin.name.replace("_", "").lower()
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]
    for cls in classes:
        if cls.__name__.lower() == wanted:
            return cls
    names = [cls.__name__ for cls in classes]
    camel = "".join(part.title() for part in plugin.name.split("_"))
    guess = nearest(camel, names)
    raise BadParameter(
        f"{plugin.path} must hold a class named {camel}"
        + (f"; it holds {guess}, rename one of the two." if guess else ".")
    )
