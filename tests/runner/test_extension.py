"""The Jupyter server answers for the schedule: health for anybody, the rest with its token."""

import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hydra.config import Data, Settings
from hydra.domain.events import Halted, Resumed, RunEnded, RunRequested, RunStarted
from hydra.journal.journal import Journal
from hydra.runner.simulator import Simulator, simulated_gateway
from tests.conftest import START
from tests.processes import listening_on
from tests.runner.conftest import Workspace, wait_until
from tests.runner.test_lab import free_port

TOKEN = "the-servers-own-token"
PRIVATE = ("DU1234567", "small", "sma_cross", "reason", "/", "NAV", "token")


@dataclass
class Answer:
    """An HTTP answer."""

    status: int
    text: str
    headers: dict

    @property
    def json(self):
        return json.loads(self.text)


@dataclass
class Server:
    """A running Jupyter server with the schedule in it."""

    url: str
    workspace: Workspace
    gateway: Simulator
    process: subprocess.Popen

    def ask(self, path, body=None, token=TOKEN, headers=None, opener=None):
        """GET, or POST with a JSON body."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        request = urllib.request.Request(self.url + path, data, headers or {})
        if token:
            request.add_header("Authorization", f"token {token}")
        opening = opener.open if opener else urllib.request.urlopen
        try:
            with opening(request, timeout=60) as answer:
                return Answer(answer.status, answer.read().decode(), dict(answer.headers))
        except urllib.error.HTTPError as problem:
            return Answer(problem.code, problem.read().decode(), dict(problem.headers))

    def running(self):
        """The runs that go on."""
        return [row for row in self.ask("/hydra/api/runs").json if row["outcome"] == "running"]

    def health(self):
        try:
            return self.ask("/api/health", token="")
        except OSError:
            return Answer(0, "{}", {})


@contextmanager
def serving(folder: Path, gateway: Simulator):
    """`hydra lab` in a folder of its own, with a small job that only runs when it is asked to."""
    (folder / "notebooks").mkdir()
    workspace = Workspace(folder, Settings(data=Data(folder / "data")))
    workspace.notebook("count = 1", "print('one more is', count + 1)")
    go = folder / "go"
    slow = (
        "import time\nfrom pathlib import Path\n"
        f"while not Path({str(go)!r}).exists():\n    time.sleep(0.05)"
    )
    workspace.notebook("a = 1", slow, name="slow.ipynb")
    workspace.notebook("a = 1", name="03_paper_session.ipynb")
    yearly = 'cron = "0 0 1 jan *"\ntimezone = "UTC"\n'
    (folder / "hydra.toml").write_text(
        f'[jobs.small]\nnotebook = "small.ipynb"\n{yearly}'
        f'[jobs.slow]\nnotebook = "slow.ipynb"\n{yearly}'
    )
    port = free_port()
    environment = {
        **os.environ,
        "HYDRA_GATEWAY_PORT": str(gateway.port),
        "HYDRA_DATA_DIR": str(folder / "data"),
        "HYDRA_NOTEBOOKS_DIR": str(folder / "notebooks"),
        "HYDRA_START_RUNNER": "true",
        "JUPYTER_TOKEN": TOKEN,
        "HYDRA_ALLOWED_HOSTS": "lab.example,[::2]",
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
    }
    options = ["--no-browser", f"--port={port}", "--allow-root"]
    # as with --ip=0.0.0.0 in the container: Jupyter's own check of Host is off then
    options += ["--ServerApp.allow_remote_access=True"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hydra.cli", "lab", *options],
            cwd=folder, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    server = Server(f"http://127.0.0.1:{port}", workspace, gateway, process)
    try:
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(90)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all tests of this file, at the open of a session."""
    with (
        pytest.MonkeyPatch.context() as patch,
        simulated_gateway(["--start", START, "--fast"]) as gateway,
    ):
        for name in [name for name in os.environ if name.startswith("HYDRA_")]:
            patch.delenv(name)
        with serving(tmp_path_factory.mktemp("lab"), gateway) as made:
            wait_until(lambda: made.health().status == 200)
            yield made


def test_health_needs_no_token_and_tells_nothing_private(server):
    answer = server.health()
    assert answer.status == 200
    assert answer.json["runner"] == {"wanted": True, "beating": True}
    assert answer.json["gateway"] == {"handshake": True, "data_fresh": True}
    assert (answer.json["journal"], answer.json["halted"]) == ({"writable": True}, False)
    values = json.dumps(list(answer.json.values()))
    assert not [word for word in PRIVATE if word in values]


PATHS = ["/hydra/api/runs", "/hydra/api/runs/x", "/hydra/api/runs/x/html"]
POSTS = ["/hydra/api/jobs/small/run", "/hydra/api/halt", "/hydra/api/resume"]


@pytest.mark.parametrize("path", PATHS + POSTS)
@pytest.mark.parametrize("token", ["", "wrong"])
def test_everything_else_needs_the_token(server, path, token):
    answer = server.ask(path, {"reason": "x"} if path in POSTS else None, token=token)
    assert answer.status == 403
    assert list(answer.json) == ["error"]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:80", "localhost@evil", ""]
)
@pytest.mark.parametrize(
    "path",
    [
        "/lab",
        "/api/health",
        "/api/kernels/x/channels",
        "/terminals/websocket/1",
        "/static/favicons/favicon.ico",
        "/hydra/api/halt",
    ],
)
def test_a_foreign_host_is_refused_everywhere_with_one_sentence(server, path, host):
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
    headers = {"Host": host, **(upgrade if "channels" in path or "websocket" in path else {})}
    body = {"reason": "x"} if path.endswith("halt") else None
    answer = server.ask(path, body, headers=headers)
    assert answer.status in ((400, 403) if host in ("", "localhost@evil") else (403,))
    if answer.status == 403:
        assert list(answer.json) == ["error"]
        assert "HYDRA_ALLOWED_HOSTS" in answer.json["error"]
    assert server.workspace.events(Halted) == []


@pytest.mark.parametrize(
    "host",
    ["localhost:1", "127.0.0.1", "[::1]:80", "lab.example", "LAB.example:80", "[::2]",
     socket.gethostname()],
)  # fmt: skip
def test_the_machines_own_names_and_those_of_the_settings_are_answered(server, host):
    assert server.ask("/api/health", token="", headers={"Host": host}).status == 200


def test_a_browser_that_is_logged_in_needs_the_xsrf_token_too(server):
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    opener.open(f"{server.url}/lab?token={TOKEN}", timeout=60).read()
    cookies = {cookie.name: cookie.value for cookie in jar}
    refused = server.ask("/hydra/api/resume", {"reason": "x"}, token="", opener=opener)
    assert (refused.status, "_xsrf" in refused.json["error"]) == (403, True)
    allowed = server.ask(
        "/hydra/api/resume", {"reason": "x"}, "", {"X-XSRFToken": cookies["_xsrf"]}, opener
    )
    assert allowed.status == 409


def test_a_job_is_run_on_request_and_its_history_record_and_page_are_served(server):
    before = len(server.ask("/hydra/api/runs").json)
    assert server.ask("/hydra/api/jobs/small/run", {}).status == 202

    def ended():
        rows = server.ask("/hydra/api/runs").json[before:]
        return [row for row in rows if row["outcome"] != "running"]

    (row,) = wait_until(ended)
    assert (row["job"], row["trigger"], row["outcome"]) == ("small", "request", "well")
    one = server.ask(f"/hydra/api/runs/{row['run']}").json
    assert one["record"]["parameters"] == {}
    page = server.ask(f"/hydra/api/runs/{row['run']}/html")
    assert "one more is 2" in page.text
    assert page.headers["Content-Type"].startswith("text/html")
    assert "sandbox" in page.headers["Content-Security-Policy"]


def test_the_history_is_a_page_too_and_the_launcher_leads_to_it(server):
    page = server.ask("/hydra/runs")
    assert "small-request-" in page.text
    assert "/html" in page.text
    assert server.ask("/hydra/runs", token="").status in (200, 302)  # the login page
    assert "small-request-" not in server.ask("/hydra/runs", token="").text
    entry = server.ask("/lab/extensions/hydra-workbench/static/remoteEntry.js")
    assert '"hydra:runs"' in entry.text
    assert '"hydra-workbench"' in server.ask("/lab").text


def test_a_job_that_is_running_is_not_run_again(server):
    assert server.ask("/hydra/api/jobs/slow/run", {}).status == 202
    wait_until(server.running)
    again = server.ask("/hydra/api/jobs/slow/run", {})
    assert (again.status, "slow is running already" in again.json["error"]) == (409, True)
    (server.workspace.folder / "go").touch()
    wait_until(lambda: not server.running())


@pytest.mark.parametrize(
    "name",
    ["..%2f..%2fjournal.db", "..", "%2e%2e%2f%2e%2e%2fhydra.toml", "x", "%00", "a%0ab", "%25s%25d",
     "%2fetc%2fpasswd", "." * 300],
)  # fmt: skip
@pytest.mark.parametrize("end", ["", "/html"])
def test_no_name_of_a_clients_making_opens_a_file(server, name, end):
    answer = server.ask(f"/hydra/api/runs/{name}{end}")
    assert answer.status == 404
    assert "root:" not in answer.text
    assert "[jobs" not in answer.text


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/hydra/api/halt", {}, 400, "reason is needed"),
        ("/hydra/api/halt", {"reason": " "}, 400, "reason is needed"),
        ("/hydra/api/halt", {"reason": "x", "flaten": True}, 400, "did you mean 'flatten'"),
        ("/hydra/api/halt", {"reason": "x", "flatten": "yes"}, 400, "true or false"),
        ("/hydra/api/halt", b"{", 400, "no JSON"),
        ("/hydra/api/halt", b"[]", 400, "JSON object"),
        ("/hydra/api/halt", b"x" * 20_000, 400, "longer than"),
        ("/hydra/api/halt", b"[" * 4000 + b"]" * 4000, 400, "nested too deeply"),
        ("/hydra/api/halt", b'{"reason": ' * 300 + b"1" + b"}" * 300, 400, "nested too deeply"),
        ("/hydra/api/halt", rb'{"reason": "\ud800"}', 400, "half a character"),
        ("/hydra/api/resume", rb'{"\udfff": "x"}', 400, "half a character"),
        ("/hydra/api/resume", {"reason": 3}, 400, "it takes a text"),
        ("/hydra/api/resume", {"reason": "100 %s"}, 409, "not halted"),
        ("/hydra/api/jobs/smal/run", {}, 404, "did you mean 'small'"),
        ("/hydra/api/jobs/..%2f%25s/run", {}, 404, "There is no job"),
    ],
)
def test_a_bad_request_is_answered_with_one_sentence(server, path, body, status, words):
    answer = server.ask(path, body)
    assert answer.status == status
    assert list(answer.json) == ["error"]
    assert words in answer.json["error"]


def test_trading_is_halted_and_resumed_with_a_reason_and_the_journal_has_both(server):
    halted = server.ask("/hydra/api/halt", {"reason": "looks odd"})
    assert (halted.status, halted.json["done"]) == (200, True)
    wait_until(lambda: server.health().json["halted"])
    assert server.ask("/hydra/api/resume", {"reason": "looked at it"}).status == 200
    wait_until(lambda: not server.health().json["halted"])
    halt, resume = server.workspace.events(Halted, Resumed)
    assert halt == Halted("looks odd", "Jupyter server")
    assert resume == Resumed("looked at it", "Jupyter server")


def test_the_file_browser_opens_on_the_notebooks_and_nobody_is_asked_for_news(server):
    listing = {item["name"] for item in server.ask("/api/contents").json["content"]}
    assert listing == {"small.ipynb", "slow.ipynb", "03_paper_session.ipynb"}
    page = server.ask("/lab").text
    written = page.split('id="jupyter-config-data" type="application/json">')[1]
    config = json.loads(written.split("</script>")[0])
    assert "@jupyterlab/apputils-extension:announcements" in str(config["disabledExtensions"])
    assert fetched(page) == []


def test_voila_serves_a_notebook_as_a_page_from_the_same_server(server):
    page = server.ask("/voila/render/small.ipynb")
    assert page.status == 200
    assert "one more is 2" in page.text
    assert fetched(page.text) == []


def fetched(page):
    """Addresses outside of the server that a page loads something from."""
    loads = re.findall(r"""(?:src|href|Url"?:)\s*=?\s*["'](?:https?:)?//[^"']*""", page)
    return [found for found in loads if "127.0.0.1" not in found]


@pytest.mark.slow
def test_health_is_503_while_the_gateway_is_away_and_the_server_goes_on(tmp_path):
    with simulated_gateway(["--start", START, "--fast"]) as gateway:
        with serving(tmp_path, gateway) as made:
            wait_until(lambda: made.health().status == 200)
            os.kill(listening_on(gateway.port), signal.SIGKILL)
            wait_until(lambda: made.health().status == 503)
            assert made.health().json["gateway"] == {"handshake": False, "data_fresh": False}
            assert made.ask("/hydra/api/jobs/slow/run", {}).status == 202
            wait_until(lambda: made.workspace.events(RunStarted))
        # the server was told to stop while the run went on
        (ended,) = made.workspace.events(RunEnded)
        assert ended.outcome == "stopped"
        assert len(made.workspace.events(RunRequested)) == 1
        with Journal.read_only(made.workspace.settings.journal_path) as journal:
            assert journal.last_seq() > 0


def test_importing_the_extension_loads_neither_pandas_nor_vectorbt_nor_ib_async():
    code = (
        "import sys, hydra.runner.extension\n"
        "heavy = {'pandas', 'numpy', 'vectorbt', 'ib_async', 'papermill', 'exchange_calendars',"
        " 'apprise', 'apscheduler'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
