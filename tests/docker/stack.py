"""The whole stack in containers, for real: `make docker` runs it and it ends what it starts.

Builds the image from a copy of the project that is full of decoys, looks into its context and
layers, brings the stack up with the simulated gateway, lets the schedule trade, kills either
container and both in the middle of a run, and holds our journal against the gateway's books after
each. Then the main profile, with a stand-in for Interactive Brokers' image.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
IB_IMAGE = "ghcr.io/gnzsnz/ib-gateway:10.45.1j"
IMAGE = "hydra-workbench"
PROJECT = "hydra-test"
LAB = "http://127.0.0.1:8080"
HEALTHY_S = 30
"""What is aimed at from `up` to healthy; a busy machine gets four times that."""
SCHEDULE = """
[jobs.at_the_open]
strategy = "ts_momentum"
at = "open+1min"
grace_s = 3600
late = "session"
retries = 5
retry_after_s = 20
"""
CONTROL = "http://127.0.0.1:4012"


class StackFailed(Exception):
    """Something is not as the project promises; one sentence."""


def main() -> int:
    """Run everything; 0 when all held."""
    with tempfile.TemporaryDirectory(prefix="hydra-stack-") as name, engine():
        try:
            run_all(Path(name))
        except StackFailed as problem:
            say(f"FAILED: {problem}")
            return 1
    say("The stack holds.")
    return 0


def run_all(folder: Path) -> None:
    """Build, look, run, kill, compare; then the other profile."""
    for port in (8080, 4002):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise StackFailed(f"Port {port} is taken, and the stack needs it.")
    source, canary = copy_with_decoys(folder / "source")
    look_at_context(source)
    build(source, canary)
    stack = Stack(source, folder, {"SIM_SPEED": "10", "JUPYTER_TOKEN": "the-test's-own-token"})
    with stack.running():
        look_at_containers(stack)
        look_at_hosts_and_settings(stack)
        trade_and_kill(stack)
    with Stack(source, folder, {}).running() as without_token:
        look_at_token(without_token)
    main_profile(source, folder)


# The machine


@contextmanager
def engine() -> Iterator[None]:
    """A Docker Engine; one that had to be started ends again."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "pid"
        environment = {**os.environ, "DOCKERD_PID_FILE": str(place)}
        call("bash", HERE / "engine.sh", env=environment)
        call("bash", HERE / "images.sh", env=environment)
        try:
            yield
        finally:
            if place.exists():
                with suppress(ProcessLookupError):
                    os.kill(int(place.read_text()), signal.SIGTERM)


def call(*command: Any, **options: Any) -> str:
    """Run a command; its output, or a failure that shows it."""
    done = subprocess.run(
        [str(word) for word in command],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=1800,
        check=False,
        **options,
    )
    if done.returncode:
        raise StackFailed(
            f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}"
        )
    return done.stdout


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def check(holds: object, sentence: str) -> None:
    """Say what holds; fail with it where it does not."""
    if not holds:
        raise StackFailed(f"It does not hold that {sentence}.")
    say(f"  ✓ {sentence}")


def wait(condition: Callable[[], Any], sentence: str, seconds: float = 180) -> Any:
    """What the condition gives once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise StackFailed(f"It did not happen in {seconds:g} s that {sentence}.")
        time.sleep(0.1)
    return found


# The image


def copy_with_decoys(source: Path) -> tuple[Path, str]:
    """The tracked files, and beside them what must never get into an image, all with one mark."""
    names = call("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in names.splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    canary = f"canary-{secrets.token_hex(16)}"
    for decoy in (
        ".env", "docker/tws_password", "notebooks/.env", ".git/config", "journal.db",
        "notebooks/journal.db-wal", "runs/x/notebook.ipynb", "notebooks/runs/x/run.json",
        "hydra/__pycache__/x.pyc", "tests/secret.txt", "secrets/key", "hydra/.env.local",
    ):  # fmt: skip
        (source / decoy).parent.mkdir(parents=True, exist_ok=True)
        (source / decoy).write_text(canary)
    call("chmod", "-R", "a+rwX", source)
    return source, canary


def look_at_context(source: Path) -> None:
    """List what the engine is sent."""
    say("context")
    file = source.parent / "Everything"
    file.write_text("FROM scratch\nCOPY . /\n")
    out = source.parent / "context"
    call("docker", "buildx", "build", "--output", f"type=local,dest={out}", "-f", file, source)
    found = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    tops = {name.split("/")[0] for name in found}
    allowed = {
        "hydra", "notebooks", "docker", "hydra.toml", "pyproject.toml", "README.md", "LICENSE",
        "requirements-production.lock",
    }  # fmt: skip
    check(tops == allowed, f"the context holds {', '.join(sorted(allowed))} and nothing else")
    odd = [n for n in found if ".env" in n or ".db" in n or "/runs/" in n or "__pycache__" in n]
    check(not odd, f"none of its {len(found)} files is a secret, a cache or a run")


def build(source: Path, canary: str) -> None:
    """Build twice, with a change of the source in between; then look into every layer."""
    say("image")
    began = time.monotonic()
    first = build_once(source)
    say(f"  built in {time.monotonic() - began:.0f} s")
    old = call("docker", "image", "inspect", "--format", "{{.Id}}", IMAGE).strip()
    (source / "hydra" / "_changed.py").write_text('"""A change of the source."""\n')
    began = time.monotonic()
    second = build_once(source)
    say(f"  built again after a change of the source in {time.monotonic() - began:.0f} s")
    subprocess.run(["docker", "image", "rm", old], capture_output=True, check=False)
    step = next(line for line in second.splitlines() if "uv pip sync" in line and line[0] == "#")
    number = step.split()[0]
    check(f"{number} CACHED" in second, "a change of the source leaves the dependencies' layer")
    check("uv pip sync" in first, "the dependencies come from the lock")
    size = int(call("docker", "image", "inspect", "--format", "{{.Size}}", IMAGE))
    say(f"  the image has {size / 1e6:,.0f} MB")
    user = call("docker", "image", "inspect", "--format", "{{.Config.User}}", IMAGE).strip()
    check(user not in ("", "root", "0"), f"it runs as {user}")
    with tempfile.TemporaryDirectory(dir=source.parent) as name:
        saved = Path(name) / "image.tar"
        call("docker", "save", "-o", saved, IMAGE)
        marked, layers = secrets_in(saved, canary.encode())
        seen, _ = secrets_in(saved, b"JUPYTER_TOKEN is not set")
    check(seen, "what is in a layer is found there")
    check(not marked, f"no decoy secret is in any of its {layers} layers, nor in its history")
    tools = call(
        "docker", "run", "--rm", "--entrypoint", "sh", IMAGE, "-c",
        "command -v gcc cc make git uv || true",
    )  # fmt: skip
    check(not tools.strip(), "the final stage has no build tools")
    compiled = call(
        "docker", "run", "--rm", "--entrypoint", "sh", IMAGE, "-c",
        "find /opt/caches/numba -name '*.nbi' | wc -l",
    )  # fmt: skip
    check(int(compiled) > 0, f"{int(compiled)} numba kernels are compiled in it")


def build_once(source: Path) -> str:
    return call(
        "docker", "buildx", "build", "--progress=plain", "--load", "--tag", IMAGE,
        "--file", source / "docker" / "Dockerfile", source,
    )  # fmt: skip


def secrets_in(saved: Path, mark: bytes) -> tuple[list[str], int]:
    """Files of an image's archive that hold the mark, in layers and in the configuration."""
    marked, layers = [], 0
    with tarfile.open(saved) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is None:
                continue
            head = file.read(262)
            file.seek(0)
            if head[257:262] == b"ustar" or member.name.endswith("layer.tar"):
                layers += 1
                marked += marked_files(file, mark, member.name)
            elif mark in file.read():
                marked.append(member.name)
    return marked, layers


def marked_files(layer: Any, mark: bytes, name: str) -> list[str]:
    with tarfile.open(fileobj=layer) as files:
        return [
            f"{name}:{one.name}"
            for one in files
            if one.isfile() and mark in (files.extractfile(one) or layer).read()
        ]


# The stack


class Stack:
    """The compose file under a project name of the test's own, with the simulated gateway."""

    def __init__(self, source: Path, folder: Path, variables: dict[str, str]) -> None:
        """`variables` are what a user would write in .env."""
        self.profile = "sim"
        project = folder / "project"
        if not project.exists():
            project.mkdir()
            shutil.copytree(source / "notebooks", project / "notebooks")
            (project / "config").mkdir()
            (project / "config" / "hydra.toml").write_text(SCHEDULE)
            call("chmod", "-R", "a+rwX", project)
        self.environment = {**os.environ, "PROJECT_DIR": str(project), **variables}
        self.environment.pop("COMPOSE_PROFILES", None)
        self.file = source / "docker" / "docker-compose.yml"
        self.token = variables.get("JUPYTER_TOKEN", "")

    def compose(self, *words: str) -> str:
        """A compose command on this stack."""
        return call(
            "docker", "compose", "-p", PROJECT, "-f", self.file, "--profile", self.profile, *words,
            env=self.environment,
        )  # fmt: skip

    @contextmanager
    def running(self) -> Iterator[Stack]:
        """Up, and in the end down with its volumes."""
        try:
            self.up()
            yield self
        except StackFailed:
            say(call("docker", "compose", "-p", PROJECT, "logs", "--tail", "40"))
            raise
        finally:
            self.compose("down", "--volumes", "--timeout", "20", "--remove-orphans")

    def up(self) -> None:
        """Up until both are healthy."""
        began = time.monotonic()
        self.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "120")
        took = time.monotonic() - began
        check(took < 4 * HEALTHY_S, f"from up to healthy it takes {took:.1f} s")

    def container(self, service: str) -> str:
        """The id of a service's container."""
        return self.compose("ps", "--all", "--quiet", service).strip()

    def inside(self, service: str, *command: str) -> str:
        """Run a command in a container."""
        return self.compose("exec", "-T", service, *command)

    def health(self) -> dict[str, Any]:
        """What /api/health says; empty while nothing answers."""
        try:
            with urllib.request.urlopen(f"{LAB}/api/health", timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as unwell:
            return json.load(unwell)
        except (OSError, ValueError):
            return {}

    def runs(self) -> list[dict[str, Any]]:
        """The history of runs, with the token."""
        return get(f"/hydra/api/runs?token={urllib.request.quote(self.token)}")

    def books(self) -> dict[str, Any]:
        """The simulated gateway's own books."""
        return json.loads(self.control("/state", None))

    def control(self, path: str, body: dict[str, Any] | None) -> str:
        """The gateway's control port answers on its own loopback alone."""
        data = "None" if body is None else f"{json.dumps(body)!r}.encode()"
        code = (
            "import urllib.request as u;"
            f"r = u.Request('{CONTROL}{path}', {data}, {{'Content-Type': 'application/json'}});"
            "print(u.urlopen(r, timeout=30).read().decode())"
        )
        return self.inside("ib-gateway-sim", "python", "-c", code)


def get(path: str) -> Any:
    with urllib.request.urlopen(LAB + path, timeout=20) as answer:
        return json.load(answer)


def look_at_containers(stack: Stack) -> None:
    """How they run: read-only, without capabilities, under an init, on the loopback."""
    say("containers")
    for service in ("hydra", "ib-gateway-sim"):
        [seen] = json.loads(call("docker", "inspect", stack.container(service)))
        host = seen["HostConfig"]
        check(
            host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"],
            f"{service} has a read-only root file system and no capabilities",
        )
        bound = {p["HostIp"] for ports in host["PortBindings"].values() for p in ports}
        check(bound == {"127.0.0.1"}, f"{service} publishes on 127.0.0.1 alone")
        first = stack.inside(service, "cat", "/proc/1/comm").strip()
        check(first == "tini", f"{service} runs under an init")
        check(stack.inside(service, "id", "-u").strip() != "0", f"{service} is not root")
        limits = host["LogConfig"]["Config"]
        check(limits == {"max-size": "10m", "max-file": "3"}, f"{service}'s log has a limit")
    environment = stack.inside("hydra", "env")
    check("TWS_" not in environment, "HYDRA's environment holds no setting of the gateway's")
    said = set(flat(stack.health()))
    check(not any("DU" in str(word) for word in said), "health tells no account")


def flat(value: Any) -> Iterator[Any]:
    """All keys and values."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from flat(item)
    else:
        yield value


def look_at_hosts_and_settings(stack: Stack) -> None:
    """A foreign Host is refused, and a hydra.toml that is replaced is seen at once."""
    say("hosts and settings")
    foreign = urllib.request.Request(f"{LAB}/api/health", headers={"Host": "evil.example"})
    try:
        urllib.request.urlopen(foreign, timeout=20).close()
        raise StackFailed("A foreign Host is answered.")
    except urllib.error.HTTPError as refused:
        check(refused.code == 403, "a foreign Host is refused")
    toml = Path(stack.environment["PROJECT_DIR"]) / "config" / "hydra.toml"
    new = toml.with_suffix(".new")
    new.write_text(toml.read_text() + "# replaced\n")
    new.chmod(0o644)
    new.replace(toml)
    seen = stack.inside("hydra", "cat", "/work/config/hydra.toml")
    check("# replaced" in seen, "a hydra.toml that an editor replaced is seen in the container")


def look_at_token(stack: Stack) -> None:
    """Without a token in .env one is made and printed, and nothing answers without it."""
    say("token")
    log = stack.compose("logs", "hydra")
    link = next(word for word in log.split() if "lab?token=" in word)
    token = link.partition("token=")[2]
    check(len(token) > 30, "a token is generated and its link printed")
    for path, allowed in (("/hydra/api/runs", 403), ("/api/contents", 403)):
        try:
            get(path)
            raise StackFailed(f"{path} answers without the token.")
        except urllib.error.HTTPError as refused:
            check(refused.code == allowed, f"{path} answers {refused.code} without the token")
    check(isinstance(get(f"/hydra/api/runs?token={token}"), list), "and answers with it")
    page = f"{LAB}/voila/render/04_dashboard.ipynb?token={token}"
    with urllib.request.urlopen(page, timeout=120) as answer:
        check(answer.status == 200, "the dashboard is served as a page")


# Trading through kills


def trade_and_kill(stack: Stack) -> None:
    """A scheduled run trades; then whatever is killed in mid-run, every session is done once."""
    say("schedule")
    stack.control("/clock", {"to": "next_open"})  # the first one may have passed while it came up
    done = wait(lambda: ended_well(stack, 1), "the first scheduled run ended well", 300)
    say(f"  run {done[0]['run']} took {done[0]['seconds']:.1f} s")
    compare(stack, 1)
    for number, killed in enumerate(
        (["hydra"], ["ib-gateway-sim"], ["hydra", "ib-gateway-sim"], ["hydra"]), start=2
    ):
        say(f"kill {' and '.join(killed)} in the middle of a run")
        stack.control("/clock", {"to": "next_open"})
        wait(lambda: is_running(stack), "a run began", 300)
        time.sleep(0.4 * number)  # another moment of the run each time
        call("docker", "kill", *(stack.container(service) for service in killed))
        stack.up()
        wait(lambda n=number: ended_well(stack, n), "the session was traded after all", 420)
        compare(stack, number)


def is_running(stack: Stack) -> bool:
    return (stack.health().get("last_run") or {}).get("outcome") == "running"


def ended_well(stack: Stack, sessions: int) -> list[dict[str, Any]]:
    """The runs that ended well, once there is one for so many sessions."""
    try:
        well = [row for row in stack.runs() if row["outcome"] == "well"]
    except OSError:
        return []
    return well if len({row["session"] for row in well}) >= sessions else []


def compare(stack: Stack, sessions: int) -> None:
    """Our journal beside the gateway's books: each execution, position, order and session."""
    events = [
        json.loads(line)
        for line in stack.inside("hydra", "hydra", "journal", "export").splitlines()
    ]
    books = stack.books()
    fills = {e["fill"]["exec_id"]: e["fill"] for e in events if e["kind"] == "FillRecorded"}
    theirs = {e["exec_id"]: e for e in books["executions"]}
    check(set(fills) == set(theirs), f"all {len(theirs)} executions are in the journal, once")
    held: Counter[str] = Counter()
    for fill in fills.values():
        held[fill["symbol"]] += Decimal(fill["quantity"])
    positions = {p["symbol"]: Decimal(p["quantity"]) for p in books["positions"]}
    check({s: q for s, q in held.items() if q} == positions, "all positions agree")
    admitted = [order_of(e) for e in events if e["kind"] == "OrderAdmitted"]
    check(len(admitted) == len(set(admitted)), f"none of {len(admitted)} orders was sent twice")
    sent = {e["order_ref"]: Decimal(0) for e in theirs.values()}
    for execution in theirs.values():
        sent[execution["order_ref"]] += Decimal(execution["quantity"])
    wanted = {
        order_of(e): Decimal(e["order"]["request"]["quantity"])
        for e in events
        if e["kind"] == "OrderAdmitted"
    }
    check(
        all(abs(q) <= abs(wanted[ref]) for ref, q in sent.items()),
        "none was filled beyond its size",
    )
    began = [e for e in events if e["kind"] == "RunStarted" and e["due"]]
    missed = [e for e in events if e["kind"] == "RunMissed"]
    first = [e for e in began if e["trigger"] in ("schedule", "late")]
    slots = Counter(e["due"] for e in (*first, *missed))
    check(
        set(slots.values()) == {1},
        f"each of {len(slots)} sessions has one run or one recorded miss",
    )
    decided = [(e["strategy"], e["session"]) for e in events if e["kind"] == "Decided"]
    check(len(decided) == len(set(decided)), "each session was decided once")
    check("is whole" in stack.inside("hydra", "hydra", "journal", "check"), "the journal is whole")
    check(
        len({row["session"] for row in ended_well(stack, 0)}) >= sessions,
        f"{sessions} sessions ended well",
    )


def order_of(event: dict[str, Any]) -> str:
    """An order's reference, as the gateway knows it."""
    request = event["order"]["request"]
    day = request["session"].replace("-", "")
    step = request.get("step", 0)
    return f"{request['strategy']}:{day}:{request['instrument']['symbol']}:{step}"


# The main profile


def main_profile(source: Path, folder: Path) -> None:
    """The other profile: its own image where it can be had, else ours under its name."""
    say("main profile")
    there = subprocess.run(
        ["docker", "image", "inspect", IB_IMAGE], capture_output=True, check=False
    )
    if there.returncode:
        file = folder / "StandIn"
        file.write_text(STAND_IN)
        call("docker", "buildx", "build", "--load", "--tag", IB_IMAGE, "--file", file, HERE)
    password = folder / "tws_password"
    password.write_text("not-a-password-of-anybody")
    password.chmod(0o644)
    stack = Stack(source, folder, {"TWS_USERID": "nobody", "TWS_PASSWORD_FILE": str(password)})
    stack.profile = "ib"
    stack.compose("config", "--quiet")
    try:
        with stack.running():
            owner = stack.inside("ib-gateway", "stat", "-c", "%u", "/home/ibgateway/tws_settings")
            check(owner.strip() == "1000", "the gateway's user can write its settings")
            told = stack.inside("ib-gateway", "cat", "/run/secrets/tws_password")
            check("not-a-password" in told, "the gateway has its password from a file")
            for service in ("hydra", "ib-gateway"):
                held = stack.inside(service, "env")
                check("not-a-password" not in held, f"and it is not in {service}'s environment")
            wait(lambda: stack.health().get("status") == "ok", "health is green")
            check(True, "HYDRA is well with the gateway of the main profile")
    finally:
        if there.returncode:
            call("docker", "image", "rm", "--force", IB_IMAGE)


STAND_IN = f"""
FROM {IMAGE}
USER root
RUN install -d /home/ibgateway && install -d -o root /home/ibgateway/tws_settings
USER hydra
HEALTHCHECK NONE
COPY stand_in /usr/local/bin/
ENTRYPOINT ["tini", "--", "stand_in"]
CMD []
"""

if __name__ == "__main__":
    sys.exit(main())
