"""Secrets out of what a run leaves behind: values that we know, and what looks like a secret."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

HIDDEN = "[redacted]"
SHORTEST = 6
"""Shorter values are words and figures that appear by chance."""
NAMES = re.compile(
    r"(?i)(secret|token|passw|passphrase|_pwd\b|api_?key|private_?key|access_?key|credential"
    r"|alerts_urls|webhook)"
)
"""Variables with such a name hold a secret."""
PASSWORDS = re.compile(r"(?i)(passw|passphrase|pwd)")
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
    re.compile(r"\bAIza[A-Za-z0-9_-]{30,}"),  # Google
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}\b"),
    re.compile(r"\bgithub_pat_\w{30,}\b"),
    re.compile(r"\b(?:xox[abeprs]|xapp)-[A-Za-z0-9-]{10,}"),
    re.compile(r"(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[A-Za-z0-9/_-]{8,}"),
    re.compile(r"(?i)(?<=/api/webhooks/)\d{8,}/[A-Za-z0-9_-]{20,}"),  # Discord
    re.compile(r"\b[srp]k_(?:live|test)_[A-Za-z0-9]{8,}"),  # Stripe
    re.compile(r"\bwhsec_[A-Za-z0-9+/=]{16,}"),
    re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"),
    re.compile(r"\b\d{8,10}:[A-Za-z0-9_-]{35}\b"),  # a Telegram bot
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/-]{12,}=*"),
)
"""What is a secret by its looks, whoever knows it."""

PASSWORD = r"(?:passw(?:or)?d|pwd(?!\s*=\s*/)|passphrase)"  # PWD=/home is a folder
SECRET = r"(?:secret|token|(?:api|access|private|secret|auth)[_ -]?key|credentials?)"
QUOTE = r"(?:\\*[\"']|&quot;|&\#x27;|&\#39;)"
"""As code and JSON have it, as JSON has it within a text, and as HTML has it."""
IS = r"\s*(?::\s*[A-Za-z_][\w.\[\] |]{0,40}=|=>|[:=]=?)\s*"
"""Between a name and its value; a type may stand there, as in `password: str = "…"`."""
PRICE = r"[-+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+)(?![\w.-])"
SCHEME = r"(?:(?:basic|bearer|token|digest|apikey|negotiate)[ \t]+)"
REFERENCE = r"\d{8}:[^\s:]+:\d"
"""What follows the strategy's name in an order's reference."""
WORD = r"(?:(?!,\w+=)[^\s\"'\\<&])*[^\s\"'\\<&,;.:!?)\]}]"
"""A value without quotes, without the punctuation that follows it."""

NAMED = (
    re.compile(
        rf"(?i)(?P<kept>(?:{PASSWORD}|{SECRET}){QUOTE}?{IS}(?P<quote>{QUOTE}))"
        r"(?:(?!(?P=quote))(?:\\.|[^\n]))+"
    ),
    re.compile(
        rf"(?i)(?P<kept>(?:{PASSWORD}{QUOTE}?{IS}|--{PASSWORD} +))"
        rf"(?!{QUOTE}|(?:none|null|true|false)\b|{PRICE}|\[redacted\])(?:{WORD})"
    ),
    re.compile(
        rf"(?i)(?P<kept>(?:{SECRET}{QUOTE}?{IS}|--{SECRET} +))"
        rf"(?!{QUOTE}|(?:none|null|true|false)\b|{PRICE}|{REFERENCE}|\[redacted\])"
        rf"(?=[^\s\"'\\<&]{{6}})(?:{WORD})"
    ),
    re.compile(
        rf"(?i)(?P<kept>\bauthorization{QUOTE}?\s*[:=]\s*{QUOTE}?{SCHEME}?+)"
        r"(?!\[redacted\])[A-Za-z0-9._~+/=-]{6,}"
    ),
)
"""What is a secret by the name before it, which is kept."""
KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
KEY_ENDS = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
LONGEST_KEY = 200
"""Lines of a key after which its end is waited for no longer."""
BASIC = re.compile(r"(?i)(?P<kept>\bbasic\s+)(?P<word>[A-Za-z0-9+/_-]{4,}={0,2})")


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
        named = set(_named_values(parameters))
        return Redactor(self._secrets | named) if named else self

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known:
            text = self._known.sub(HIDDEN, text)
        for pattern in PATTERNS:
            text = pattern.sub(HIDDEN, text)
        for pattern in NAMED:
            text = pattern.sub(rf"\g<kept>{HIDDEN}", text)
        return BASIC.sub(_basic, text)

    def lines(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines of a log without secrets; a key that goes over several lines is one line."""
        key: list[str] = []
        for line in lines:
            if key or KEY_BEGINS.search(line):
                key.append(line)
                if not KEY_ENDS.search(line) and len(key) < LONGEST_KEY:
                    continue
                line, key = "".join(key), []
            yield self.text(line)
        if key:
            yield self.text("".join(key))

    def plain(self, value: Any) -> Any:
        """JSON-like data without secrets, those under a telling name included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            items = [(key, self._named(str(key), item)) for key, item in value.items()]
            return self._with_keys(items)
        if isinstance(value, list | tuple):
            return [self.plain(item) for item in value]
        return value

    def _named(self, name: str, value: Any) -> Any:
        if not NAMES.search(name):
            return self.plain(value)
        if isinstance(value, str):
            return HIDDEN if value else value
        if isinstance(value, list | tuple):
            return [self._named(name, item) for item in value]
        if isinstance(value, int) and not isinstance(value, bool) and PASSWORDS.search(name):
            return HIDDEN
        return self.plain(value)

    def _with_keys(self, items: list[tuple[Any, Any]]) -> dict[Any, Any]:
        """A table whose keys hold no secret either; none is lost when several look alike then."""
        table: dict[Any, Any] = {}
        for key, item in items:
            told = self.text(key) if isinstance(key, str) else key
            number, plain = 1, told
            while plain in table:
                number += 1
                plain = f"{told} {number}"
            table[plain] = item
        return table

    def notebook(self, text: str) -> str:
        """A notebook's JSON without secrets in sources and outputs; its structure stays."""
        return json.dumps(self._node(json.loads(text)), indent=1, ensure_ascii=False) + "\n"

    def _node(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self._with_keys([(key, self._part(key, item)) for key, item in value.items()])
        if isinstance(value, list):
            return [self._node(item) for item in value]
        return value

    def _part(self, key: str, value: Any) -> Any:
        is_text = key in ("source", "text") or "/" in key
        return self._lines(value) if is_text and _are_lines(value) else self._node(value)

    def _lines(self, lines: list[str]) -> list[str]:
        """A text that the notebook's format keeps as lines: a secret may go over several."""
        return self.text("".join(lines)).splitlines(keepends=True)


def _basic(found: re.Match[str]) -> str:
    """Without a name and password in it, `Basic` is a word like others."""
    word = found["word"].rstrip("=")
    try:
        said = base64.urlsafe_b64decode(
            word.replace("+", "-").replace("/", "_") + "=" * (-len(word) % 4)
        )
        is_secret = said.isascii() and b":" in said and said.decode().isprintable()
    except ValueError:
        is_secret = False
    return found["kept"] + HIDDEN if is_secret else found[0]


def _named_values(value: Any, is_named: bool = False) -> Iterator[str]:
    """All texts below a telling name, at any depth."""
    if isinstance(value, str) and is_named:
        yield value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _named_values(item, is_named or bool(NAMES.search(str(name))))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _named_values(item, is_named)


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
