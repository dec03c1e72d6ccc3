#!/usr/bin/env bash
# Make the images that the Dockerfile and the compose file name available: pulled where a registry
# answers, else python:3.11-slim is made from Debian's packages, which carry the same Python.
set -euo pipefail

BASE=python:3.11-slim

main() (
  docker image inspect "$BASE" >/dev/null 2>&1 && exit
  timeout "${PULL_S:-60}" docker pull --quiet "$BASE" 2>/dev/null && exit
  echo "no registry answers: making $BASE from Debian's packages"
  command -v debootstrap >/dev/null || { apt-get -qq update; apt-get -qq install --yes debootstrap >/dev/null; }
  folder="$(mktemp -d)"
  trap 'rm -rf "$folder"' EXIT
  found="$(mirror)"
  debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv \
    bookworm "$folder/root" ${found:+"$found"} >"$folder/log" 2>&1 || { tail -5 "$folder/log" >&2; exit 1; }
  # Behind a proxy of the machine's own the package index is trusted by the machine's bundle only.
  cp /etc/ssl/certs/ca-certificates.crt "$folder/root/etc/ssl/certs/"
  tar -C "$folder/root" -c . | docker import - hydra-base:imported >/dev/null
  rm -rf "$folder/root"
  docker build --quiet --tag "$BASE" - <<'DOCKERFILE'
FROM hydra-base:imported
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
RUN ln -s /usr/bin/python3 /usr/local/bin/python \
 && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
CMD ["python3"]
DOCKERFILE
)

# The mirror that this machine's own apt uses; nothing where it names none: then it is debootstrap's.
mirror() {
  { grep -rhoE '^URIs: *\S+' /etc/apt/sources.list.d/*.sources 2>/dev/null | awk '{print $2}'
    grep -rhoE '^deb .*' /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null \
      | grep -oE '(https?|mirror\+file)://\S+'
  } | grep -v security | head -1 || true
}

main
