"""Secrets out of what a run leaves behind: values that we know, and what looks like a secret."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import urllib.parse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HIDDEN = "[redacted]"
SHORTEST = 6
"""Shorter values are words and figures that appear by chance."""
NAMES = re.compile(
    r"(?i)(secret|token|passw|passphrase|api_?key|private_?key|credential|alerts_urls)"
)
"""Variables with such a name hold a secret."""
SECRET_FOLDERS = (Path("/run/secrets"),)
LARGEST_SECRET = 64 * 1024
OWN = frozenset({"JUPYTER_TOKEN", "HYDRA_ALERTS_URLS", "HYDRA_ALERTS_URLS_FILE"})
"""What the server needs and a run does not."""

PATTERNS = (
    re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL
    ),
    re.compile(r"(?<=://)[^\s/@:\"'\\]+:[^\s/@\"'\\]+(?=@)"),  # user:password@host
    re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}\b"),
    re.compile(r"\bgithub_pat_\w{30,}\b"),
    re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"),
    re.compile(r"\b\d{8,10}:[A-Za-z0-9_-]{35}\b"),  # a Telegram bot
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/-]{12,}=*"),
    re.compile(
        r"(?i)(?:(?<=password=)|(?<=passwd=)|(?<=token=)|(?<=secret=)|(?<=api_key=)|(?<=apikey=)"
        r"|(?<=password: )|(?<=token: )|(?<=secret: )|(?<=api_key: ))[^\s\"'\\&,;)<]{6,}"
    ),
)
"""What is a secret by its looks, whoever knows it."""


class Redactor:
    """Replaces secrets in texts, in the forms in which notebooks, pages and logs write them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """`secrets` are the values that are known; see `known_secrets`."""
        self._secrets = set(secrets)
        forms = {
            form for secret in self._secrets if len(secret) >= SHORTEST for form in _forms(secret)
        }
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def knowing(self, parameters: Mapping[str, Any]) -> Redactor:
        """One that knows the parameters with a telling name, too."""
        named = {v for k, v in parameters.items() if NAMES.search(k) and isinstance(v, str)}
        return Redactor(self._secrets | named) if named else self

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known:
            text = self._known.sub(HIDDEN, text)
        for pattern in PATTERNS:
            text = pattern.sub(HIDDEN, text)
        return text

    def plain(self, value: Any) -> Any:
        """JSON-like data without secrets, those under a telling name included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {k: self._named(str(k), item) for k, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(item) for item in value]
        return value

    def _named(self, name: str, value: Any) -> Any:
        return HIDDEN if NAMES.search(name) and isinstance(value, str) else self.plain(value)

    def notebook(self, text: str) -> str:
        """A notebook's JSON without secrets in sources and outputs; its structure stays."""
        return json.dumps(self._node(json.loads(text)), indent=1, ensure_ascii=False) + "\n"

    def _node(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self._part(key, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._node(item) for item in value]
        return value

    def _part(self, key: str, value: Any) -> Any:
        is_text = key in ("source", "text") or "/" in key
        return self._lines(value) if is_text and _are_lines(value) else self._node(value)

    def _lines(self, lines: list[str]) -> list[str]:
        """A text that the notebook's format keeps as lines: a secret may go over several."""
        return self.text("".join(lines)).splitlines(keepends=True)


def known_secrets(environ: Mapping[str, str], further: Iterable[str] = ()) -> set[str]:
    """Secret values of the environment, of the files that it names, of secret files, and given."""
    named = {name: value for name, value in environ.items() if NAMES.search(name)}
    found = {_file(Path(v)) if n.upper().endswith("_FILE") else v for n, v in named.items()}
    found |= {part for value in found for part in value.split(",")}
    found |= set(further)
    for folder in SECRET_FOLDERS:
        found |= {_file(path) for path in _files(folder)}
    return {value.strip() for value in found if len(value.strip()) >= SHORTEST}


def own_secrets(dotenv: Path | None = None) -> set[str]:
    """The secrets that this process and the project's .env hold."""
    from dotenv import dotenv_values, find_dotenv

    path = dotenv or Path(find_dotenv(usecwd=True) or ".env")
    written = {k: v for k, v in dotenv_values(path).items() if v} if path.is_file() else {}
    return known_secrets({**written, **os.environ}) | known_secrets(written)


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a run: it needs no token and no address of an alert."""
    return {name: value for name, value in environ.items() if name not in OWN}


def _forms(secret: str) -> set[str]:
    """A secret as it is, and as JSON, Python, HTML, an address and base64 write it."""
    written = {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        html.escape(secret),
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
        base64.b64encode(secret.encode()).decode().rstrip("="),
    }
    return {form for form in written if len(form) >= SHORTEST}


def _are_lines(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _files(folder: Path) -> list[Path]:
    try:
        return [p for p in folder.rglob("*") if p.is_file()]
    except OSError:
        return []


def _file(path: Path) -> str:
    try:
        return path.read_bytes()[:LARGEST_SECRET].decode("utf-8", errors="replace").strip()
    except OSError:
        return ""
