#!/bin/sh
# Brings what the tests need and runs every one of them. Arguments go to `cargo test`.
#
# The tests start their own throw-away PostgreSQL, so its server programs must be there; no server has to run.
set -eu
cd "$(dirname "$0")/.."

have_postgres() {
    command -v initdb >/dev/null 2>&1 && command -v pg_ctl >/dev/null 2>&1 && return 0
    for programs in /usr/lib/postgresql/*/bin; do
        if [ -x "$programs/initdb" ] && [ -x "$programs/pg_ctl" ]; then return 0; fi
    done
    return 1
}

have_compiler() {
    command -v cc >/dev/null 2>&1
}

# Installs packages where we may; says so where we may not.
bring() {
    if ! command -v apt-get >/dev/null 2>&1; then
        return 1
    elif [ "$(id -u)" = 0 ]; then
        apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo apt-get update && sudo DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
    else
        return 1
    fi
}

if ! have_compiler; then
    bring gcc libc6-dev || true
    have_compiler || {
        echo "A C compiler is needed: install gcc (Debian, Ubuntu: apt-get install gcc libc6-dev)." >&2
        exit 1
    }
fi
if ! have_postgres; then
    bring postgresql || true
    have_postgres || {
        echo "PostgreSQL's server programs (initdb, pg_ctl, postgres; version 13 or newer) are needed." >&2
        echo "Debian, Ubuntu: apt-get install postgresql. Fedora: dnf install postgresql-server" \
            "postgresql-contrib. macOS: brew install postgresql." >&2
        exit 1
    }
fi
if ! command -v cargo >/dev/null 2>&1; then
    echo "Rust is needed: https://rustup.rs" >&2
    exit 1
fi

exec cargo test --locked "$@"
