#!/bin/sh
# Brings what the tests need and runs every one of them. Arguments go to `cargo test`.
#
# The tests start their own throw-away PostgreSQL and browsers, so those programs must be there; none has to run.
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

have_browser() {
    command -v chromedriver >/dev/null 2>&1 || return 1
    for browser in chromium chromium-browser google-chrome; do
        if command -v "$browser" >/dev/null 2>&1; then return 0; fi
    done
    return 1
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
# The console is tested in a browser. Without one those tests say that they were left out; under CI=true they fail.
if ! have_browser; then
    bring chromium chromium-driver || true
    have_browser || {
        echo "Chromium and its driver (chromedriver) are needed to test the console. Debian: apt-get install" \
            "chromium chromium-driver. Fedora: dnf install chromium chromedriver. macOS: brew install --cask" \
            "google-chrome chromedriver." >&2
        if [ "${CI:-}" = true ]; then exit 1; fi
        echo "Without them the tests in a browser are left out." >&2
    }
fi
if ! command -v cargo >/dev/null 2>&1; then
    echo "Rust is needed: https://rustup.rs" >&2
    exit 1
fi

exec cargo test --locked "$@"
