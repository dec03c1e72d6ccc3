"""No form of a secret survives, and nothing else is changed."""

import base64
import html
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.journal.check import export
from hydra.journal.journal import Journal
from hydra.journal.ledger import Ledger
from hydra.runner.alerts import Writer, secrets_of
from hydra.runner.notebook import write_whole
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


VALUE = "hunter2-Tr0ub4dor"
BASIC = base64.b64encode(b"somebody:" + VALUE.encode()).decode()
# The next ones are put together here, so that no scanner takes this file for a leak.
GOOGLE, STRIPE = (
    "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6q",
    "sk_live" + "_4eC39HqLyjWDarjtT1zdp7dc",
)
SLACK = "https://hooks.slack.com/services/" + "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"


@pytest.mark.parametrize(
    "text",
    [
        f"password = {VALUE}",
        f"password: {VALUE},",
        f"TWS_PASSWORD={VALUE}",
        f"Password => '{VALUE}'",
        f'password: str = "{VALUE}"',
        f'{{"password": "{VALUE}", "n": 1}}',
        f'{{"db_password":"{VALUE}"}}',
        json.dumps(json.dumps({"password": VALUE})),
        repr({"password": VALUE}),
        html.escape(json.dumps({"password": VALUE})),
        html.escape(repr({"password": VALUE})),
        f"api_key = {VALUE}",
        f"api-key: {VALUE}",
        f'"client_secret": "{VALUE}"',
        f"aws_secret_access_key = {VALUE}",
        f"connect(token={VALUE}, retries=3)",
        f"tool --password {VALUE} --retries 3",
        f"passphrase = {VALUE}",
        f"Authorization: Basic {BASIC}",
        f"'authorization': 'Basic {BASIC}'",
        f"sent the header Basic {BASIC}",
        f"Authorization: Token {VALUE}",
        f"X-API-Key: {VALUE}",
        f"key {GOOGLE}",
        f"key {STRIPE}",
        f"posting to {SLACK} failed",
    ],
)
def test_a_secret_is_hidden_by_the_name_or_the_shape_in_which_it_is_written(text):
    told = Redactor().text(f"before {text} after")
    for secret in (VALUE, BASIC, GOOGLE, STRIPE, "B00000000", "XXXXXXXX"):
        assert secret not in told
    assert HIDDEN in told
    assert told.startswith("before ")
    assert told.endswith(" after")
    assert Redactor().text(told) == told


@pytest.mark.parametrize("text", ["password = x", '"password": "x"', "password=1234", "pwd: x"])
def test_a_password_is_hidden_however_short_it_is(text):
    assert Redactor().text(text).endswith((HIDDEN, f'{HIDDEN}"'))


def test_what_stands_beside_a_secret_stays():
    text = 'login(user="me", password="s3cret-x", retries=3) AAPL 65.15'
    assert Redactor().text(text) == text.replace("s3cret-x", HIDDEN)
    text = "https://example.org/?token=abcdef12345&x=65.15"
    assert Redactor().text(text) == text.replace("abcdef12345", HIDDEN)


PASSWORD_TEXTS = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters="\\\"'<&`"),
    min_size=8, max_size=30,
).filter(lambda text: text[-1].isalnum() and ",," not in text and "=" not in text)  # fmt: skip
SAFE_NAMES = st.sampled_from(["password", "DB_PASSWORD", "passwd", "passphrase", "pwd"])


@given(SAFE_NAMES, PASSWORD_TEXTS)
def test_any_password_in_json_or_behind_an_equals_sign_is_hidden(name, secret):
    for text in (json.dumps({name: secret}), repr({name: secret}), f"{name} = {secret}"):
        assert secret not in Redactor().text(text).replace(HIDDEN, "")


ORDINARY = st.one_of(
    st.integers(-(10**9), 10**9).map(str),
    st.integers(-(10**9), 10**9).map("{:+,}".format),
    st.decimals(-(10**7), 10**7, places=2).map("{:,}".format),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.sampled_from(
        # a word behind "bearer" is hidden, for a token looks like one
        """AAPL ES.201303 EUR.USD BRK.B ts_momentum:20130114:MSFT:0 my_token:20261127:AAPL:3
        password passwords token tokens secret key basic authorization credentials
        strategies earnings momentum Basic. exec_id=0000e0d5.65a1.01.01 max_tokens=4096
        token_count=12 tokens:1500 NAV 999,607.47 PWD=/work/notebooks 12:30:45 -9,027 DU1234567
        https://example.org/path?x=1 open+5min 30 1e-5 0.0001 price=65.15 key=value""".split()  # noqa: SIM905
    ),
)


@given(st.lists(ORDINARY, max_size=12), st.sampled_from([" ", ", ", "\n", " | "]))
def test_numbers_prices_references_and_words_stay_as_they_are(words, between):
    text = between.join(words)
    assert Redactor().text(text) == text


@given(st.decimals(0, 10**6, places=2).map("{:,}".format), st.sampled_from(["token", "secret"]))
def test_a_price_behind_a_telling_name_stays(price, name):
    assert Redactor().text(f"{name}: {price}") == f"{name}: {price}"


def test_a_known_secret_is_no_key_of_a_table_and_no_entry_is_lost():
    redactor = Redactor({"a-long-secret", "another-secret"})
    table = {"a-long-secret": 1, "another-secret": {"x": ["a-long-secret"]}, 3: "y"}
    assert redactor.plain(table) == {HIDDEN: 1, f"{HIDDEN} 2": {"x": [HIDDEN]}, 3: "y"}
    cells = [{"cell_type": "code", "source": "x", "outputs": [
        {"output_type": "display_data", "metadata": {},
         "data": {"application/json": {"a-long-secret": {"another-secret": 1}}}}]}]  # fmt: skip
    told = redactor.notebook(json.dumps({"cells": cells, "metadata": {"a-long-secret": 1}}))
    assert "secret" not in told
    assert json.loads(told)["metadata"] == {HIDDEN: 1}


def test_secrets_in_nested_parameters_are_known_and_hidden():
    nested = {
        "strategy_parameters": {"api_key": "nested-value-1", "keys": {"token": ["in-a-list"]}}
    }
    assert Redactor().knowing(nested).text("nested-value-1 in-a-list") == f"{HIDDEN} {HIDDEN}"
    assert Redactor().plain({"tokens": ["one-token"], "password": 12345}) == {
        "tokens": [HIDDEN], "password": HIDDEN,
    }  # fmt: skip


def test_a_key_over_several_lines_of_a_log_is_hidden_and_a_key_without_an_end_is_no_trap():
    key = ["-----BEGIN PRIVATE KEY-----\n", "MIIEvQIBADAN\n", "-----END PRIVATE KEY-----\n"]
    told = "".join(Redactor().lines(["one\n", *key, "two\n"]))
    assert told == f"one\n{HIDDEN}\ntwo\n"
    endless = [key[0], *["line\n"] * 500]
    assert len("".join(Redactor().lines(endless))) == len("".join(endless))


def test_the_parts_of_an_alerts_address_are_secrets_too():
    urls = ["tgram://123456789-bot-token/987654321/", "json://u:pass-word-1@example/x"]
    told = Redactor(secrets_of(urls)).text("123456789-bot-token said no to pass-word-1 at x")
    assert told == f"{HIDDEN} said no to {HIDDEN} at x"


def test_a_picture_of_a_megabyte_stays_as_it_is():
    picture = base64.b64encode(bytes(range(256)) * 4000).decode()
    assert Redactor({"a-long-secret"}).text(picture) == picture


def test_no_sink_of_a_run_has_a_secret_whether_it_is_known_or_only_looks_like_one(
    workspace, monkeypatch
):
    """The executed notebook, its page, the records, the log, the journal, the alert, the panel."""
    monkeypatch.setenv("MY_API_KEY", "known-to-all-runs")
    notebook = workspace.notebook(
        "settings = {}",
        f"import json, os\nprint('password = {VALUE}', json.dumps({{'password': '{VALUE}'}}))",
        "print(os.environ['MY_API_KEY'], {os.environ['MY_API_KEY']: 1})",
        f"from IPython.display import JSON, HTML, display\ndisplay(JSON({{'{STRIPE}': 1}}))",
        f"display(HTML('<b>Authorization: Basic {BASIC}</b>'))",
        f"os.system('echo {GOOGLE}')",
        f"raise ValueError('posting to {SLACK} failed, token={VALUE}')",
    )
    parameters = {"settings": {"api_key": "nested-secret-1", "at": "65.15"}}
    row = workspace.run(workspace.job(notebook, parameters=parameters))
    assert row["outcome"] == "failed"
    folder = workspace.folder_of(row)
    sinks = {path.name: path.read_text() for path in folder.iterdir()}
    assert {"notebook.ipynb", "notebook.html", "run.json", "order.json", "run.log"} <= set(sinks)
    sinks["journal"] = "\n".join(export(workspace.settings.journal_path))
    with Journal.read_only(workspace.settings.journal_path) as journal:
        records = list(journal.read())
    sinks["alert"] = "".join(f"{a.title} {a.text}" for a in Writer().alerts(records))
    sinks["panel"] = str(Ledger.of(records).log)
    secrets = (VALUE, BASIC, GOOGLE, STRIPE, "B00000000", "known-to-all-runs", "nested-secret-1")
    assert [(name, s) for name, text in sinks.items() for s in secrets if s in text] == []
    assert "65.15" in sinks["order.json"]


def test_half_a_character_is_written_as_its_escape(tmp_path):
    write_whole(tmp_path / "page.html", "a\ud800b")
    assert (tmp_path / "page.html").read_text() == "a\\ud800b"
