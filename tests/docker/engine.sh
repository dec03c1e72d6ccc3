#!/usr/bin/env bash
# Make a Docker Engine with compose and buildx answer on this machine; install what is absent.
# Debian 12 without systemd, as root. Prints nothing to be parsed; the engine that was started here
# is named in $DOCKERD_PID_FILE (default: none), so that whoever started it can end it.
set -euo pipefail

PLUGINS="$HOME/.docker/cli-plugins"

main() {
  export DEBIAN_FRONTEND=noninteractive
  docker info >/dev/null 2>&1 || start_engine
  docker compose version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1 || add_plugins
  docker compose version
  docker buildx version
}

start_engine() {
  if ! command -v dockerd >/dev/null; then
    echo "installing the Docker Engine from Debian's packages"
    apt-get -qq update
    # no service is started by the package: there may be no init that could
    apt-get -qq install --yes --no-install-recommends docker.io iptables >/dev/null
  fi
  # A package's own script may have started one already.
  if ! docker info >/dev/null 2>&1; then
    rm -f /var/run/docker.pid
    setsid dockerd >"${DOCKERD_LOG:-/var/log/dockerd.log}" 2>&1 </dev/null &
    [ -z "${DOCKERD_PID_FILE:-}" ] || echo $! >"$DOCKERD_PID_FILE"
  fi
  for _ in $(seq 60); do
    docker info >/dev/null 2>&1 && return
    sleep 1
  done
  echo "the Docker Engine did not come up:" >&2
  tail -20 "${DOCKERD_LOG:-/var/log/dockerd.log}" >&2
  exit 1
}

# Compose 2 and buildx are single binaries in Debian's next release; nothing else is taken from it.
add_plugins() (
  echo "adding compose and buildx from Debian's next release"
  folder="$(mktemp -d)"
  trap 'rm -rf "$folder"' EXIT
  mkdir -p "$folder/sources" "$folder/lists/partial" "$folder/out" "$PLUGINS"
  cp /etc/apt/sources.list "$folder/sources/" 2>/dev/null || true
  cp /etc/apt/sources.list.d/* "$folder/sources/" 2>/dev/null || true
  sed -i 's/bookworm/trixie/g' "$folder"/sources/*
  options=(
    -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$folder/sources"
    -o Dir::State::Lists="$folder/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
    -o APT::Sandbox::User=root
  )
  apt-get -qq "${options[@]}" update
  (cd "$folder" && apt-get -qq "${options[@]}" download docker-compose docker-buildx)
  for package in "$folder"/*.deb; do
    dpkg -x "$package" "$folder/out"
  done
  cp "$folder"/out/usr/libexec/docker/cli-plugins/* "$PLUGINS/"
)

main
