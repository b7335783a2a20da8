#!/bin/sh
# Makes the project's own Python environment in .venv: with uv where it is installed, with pip where not.
#
#   sh sandbox/setup.sh sandbox    what `make run` and `make ui` need
#   sh sandbox/setup.sh dev        that and what `make test` needs
#   sh sandbox/setup.sh dev-airflow-3.2.1 .venv-airflow-3.2.1    the same on another Airflow, in a folder of its own
#   sh sandbox/setup.sh imaging .venv-imaging    what images radio data, and the system's WSClean where it is missing
#
# Does nothing when nothing changed: .venv keeps a copy of the lock that was installed.
set -u
cd "$(dirname "$0")/.." || exit 1

packages=${1:-sandbox}
lock=deploy/locks/$packages.txt
venv=${2:-.venv}
python=$venv/bin/python
log=$venv/setup.log

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

installed() {
    cmp -s "deploy/locks/$1.txt" "$venv/installed-$1.txt"
}

# pyenv's and the systems' names may lead nowhere, so each one is really run
fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' </dev/null >/dev/null 2>&1
}

show_log() {
    [ ! -s "$log" ] || tail -n 15 "$log" >&2
}

disk_is_full() {
    free=$(df -Pk . | awk 'NR == 2 { print $4 }')
    [ "${free:-0}" -lt 204800 ] || grep -q 'No space left on device' "$log" 2>/dev/null
}

# Programs that no lock holds: those that images need
programs() {
    [ "$packages" = imaging ] || return 0
    command -v wsclean >/dev/null && return 0
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        echo "Installing WSClean with apt-get."
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
            apt-get install -qq -y --no-install-recommends wsclean; } </dev/null >"$log" 2>&1 || show_log
        command -v wsclean >/dev/null && return 0
    fi
    fail "WSClean is missing, which makes the images: install the system's package wsclean (on Debian and Ubuntu:" \
        "sudo apt-get install wsclean) and try again."
}

[ -f "$lock" ] || fail "There is no package list $lock: choose sandbox, dev or imaging."

# dev.txt holds all of sandbox.txt
if fits "$python" && { installed "$packages" || { [ "$packages" = sandbox ] && installed dev; }; }; then
    programs
    exit 0
fi

# --- the environment ---

with_uv() {
    uv --version >/dev/null 2>&1
}

if ! fits "$python"; then
    rm -rf "$venv"
    found=
    made=
    for candidate in ${PYTHON:+"$PYTHON"} python3.12 python3.11 python3.13 python3.14 python3 python "$(with_uv && uv python find '>=3.11,<3.15' 2>/dev/null)"; do
        if [ -z "$candidate" ] || ! fits "$candidate"; then continue; fi
        found=$candidate
        if with_uv; then
            uv venv --quiet --python "$candidate" "$venv" 2>/dev/null && made=yes && break
        else
            "$candidate" -m venv "$venv" >/dev/null 2>&1 && made=yes && break
        fi
        rm -rf "$venv"
    done
    if [ -z "$found" ]; then
        have=$(${PYTHON:-python3} --version 2>/dev/null)
        fail "Lastgood needs Python 3.11 to 3.14${have:+, and this is $have}: install one and try again, or name one with PYTHON=/path/to/python."
    fi
    if [ -z "$made" ]; then
        disk_is_full && fail "The disk is full: the environment needs 2 GB. Make room and try again."
        fail "$found could not make a virtual environment: install its venv module (python3-venv on Debian and Ubuntu) or uv and try again."
    fi
fi

# --- the packages ---

count=$(grep -c '==' "$lock")
: >"$log" || fail "The folder $venv cannot be written: the disk is full or it belongs to somebody else."
if with_uv; then
    tool=uv
    printf 'Installing %s packages into %s with uv, about half a minute the first time.\n' "$count" "$venv"
    # Compiled once here, as pip does: else each process compiles Airflow anew where writing bytecode is switched off.
    uv pip install --quiet --no-deps --compile-bytecode --python "$python" --requirement "$lock" >"$log" 2>&1 &
else
    tool=pip
    printf 'Installing %s packages into %s with pip, about two minutes the first time.\n' "$count" "$venv"
    "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip >/dev/null 2>&1 ||
        fail "The environment has no pip: remove .venv, install python3-venv or uv, and try again."
    "$python" -m pip install --no-deps --disable-pip-version-check --no-input --no-color --progress-bar off \
        --requirement "$lock" >"$log" 2>&1 &
fi
job=$!
trap 'kill "$job" 2>/dev/null; exit 130' INT TERM

if [ -t 1 ]; then
    seconds=0
    while kill -0 "$job" 2>/dev/null; do
        fetched=$(grep -c '^Collecting' "$log")
        [ "$tool" = pip ] && [ "$fetched" -lt "$count" ] && doing="$fetched of $count fetched" || doing="installing"
        printf '\r  %s s, %s \033[K' "$seconds" "$doing"
        sleep 1
        seconds=$((seconds + 1))
    done
    printf '\r\033[K'
fi

if wait "$job"; then
    cp "$lock" "$venv/installed-$packages.txt" && programs && exit 0
fi
show_log
disk_is_full && fail "The disk is full: the environment needs 2 GB. Make room and try again."
fail "The packages could not be installed with $tool: see the lines above. Check the network and try again; what was fetched is kept."
