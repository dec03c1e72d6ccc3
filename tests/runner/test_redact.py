"""No form of a secret survives, and nothing else is changed."""

import base64
import html
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.runner.redact import HIDDEN, Redactor, known_secrets, without_secrets

SECRETS = st.text(min_size=8, max_size=40).filter(lambda text: len(text.strip()) == len(text))


@given(SECRETS, st.text(max_size=20), st.text(max_size=20))
def test_a_known_secret_is_hidden_in_every_form_in_which_it_is_written(secret, before, after):
    redactor = Redactor({secret})
    for form in (
        secret,
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        html.escape(secret),
        urllib.parse.quote(secret, safe=""),
        base64.b64encode(secret.encode()).decode(),
    ):
        assert form not in redactor.text(before + form + after).replace(HIDDEN, "\0")


@given(SECRETS)
def test_a_notebook_stays_a_notebook_whatever_the_secret_is(secret):
    cells = [
        {"cell_type": "code", "metadata": {"tags": ["a", "b"]}, "source": ["x\n", "y"],
         "outputs": [{"output_type": "stream", "text": [f"{secret[:4]}", f"{secret[4:]}\n"]},
                     {"output_type": "error", "traceback": ["one", secret]},
                     {"output_type": "display_data", "data": {"text/html": [f"<b>{secret}</b>"]}}]}
    ]  # fmt: skip
    told = json.loads(Redactor({secret}).notebook(json.dumps({"cells": cells, "nbformat": 4})))
    cell = told["cells"][0]
    if len(set(secret)) > 3 and not secret.isspace() and secret not in HIDDEN:
        assert secret not in "".join(cell["outputs"][0]["text"]).replace(HIDDEN, "\0")
    assert cell["metadata"]["tags"] == ["a", "b"]
    assert len(cell["outputs"][1]["traceback"]) == 2
    assert told["nbformat"] == 4


@pytest.mark.parametrize(
    "text",
    [
        "https://user:open-sesame@example.org/x",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "xoxb-123456789012-abcdefghij",
        "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc",
        "Authorization: Bearer abcdef0123456789",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "password=hunter2hunter2",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_hidden_whoever_knows_it(text):
    assert HIDDEN in Redactor().text(f"before {text} after")
    for word in ("open-sesame", "IOSFODNN7", "abcdefghij", "QXMENQ", "hunter2", "MIIE", "c2lnbm"):
        assert word not in Redactor().text(text)


@pytest.mark.parametrize(
    "text",
    [
        "AAPL +1,935 at 65.15, NAV 999,607.47",
        "ts_momentum:20130114:MSFT:0",
        "https://example.org/path?x=1",
        "tokens are counted; passwords are long; 12:30:45",
        "2013-01-14T14:36:14+00:00",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text):
    assert Redactor({"a-long-secret"}).text(text) == text


def test_secrets_are_known_from_names_files_and_parameters(tmp_path):
    file = tmp_path / "password"
    file.write_text("from-a-file\n")
    environ = {
        "MY_API_KEY": "from-a-name",
        "TWS_PASSWORD_FILE": str(file),
        "HYDRA_ALERTS_URLS": "json://one-address/,json://two-address/",
        "PATH": "/usr/bin:/bin",
        "SHORT_TOKEN": "ab",
    }
    assert known_secrets(environ) == {
        "from-a-name", "from-a-file", "json://one-address/", "json://two-address/",
        "json://one-address/,json://two-address/",
    }  # fmt: skip
    knowing = Redactor().knowing({"api_key": "as-a-parameter", "symbol": "AAPLAAPL"})
    assert knowing.text("as-a-parameter AAPLAAPL") == f"{HIDDEN} AAPLAAPL"
    assert knowing.plain({"password": "x", "n": 1}) == {"password": HIDDEN, "n": 1}
    kept = without_secrets({**environ, "JUPYTER_TOKEN": "t"})
    assert set(kept) == {"MY_API_KEY", "TWS_PASSWORD_FILE", "PATH", "SHORT_TOKEN"}
