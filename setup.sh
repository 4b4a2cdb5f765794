#!/bin/sh
# Makes .venv in this folder, with everything that the program needs:
#     sh setup.sh            to use it
#     sh setup.sh --tests    with what its tests need, too
# Run again it ends at once, unless the requirements changed. $PYTHON names an interpreter instead
# of the first of python3, python3.14 ... 3.11 that is new enough, $VENV a folder instead of .venv.
set -eu
cd "$(dirname "$0")"
venv=${VENV:-.venv}

fail() { printf 'setup.sh: %s\n' "$*" >&2; exit 1; }

case "$*" in
    "") set -- requirements.txt; size="downloads 280 MB, takes 820 MB" ;;
    --tests) set -- requirements.txt tests/requirements.txt; size="downloads 490 MB, takes 1.3 GB" ;;
    *) echo "usage: sh setup.sh [--tests]" >&2; exit 2 ;;
esac

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"
    else set -- python3 python3.14 python3.13 python3.12 python3.11; fi
    for python do
        if is_new_enough "$python"; then return 0; fi
    done
    return 1
}

version_of() { "$1" -c 'import sys; print("Python %d.%d.%d" % sys.version_info[:3])' 2>/dev/null; }

# Debian and its like keep what makes virtual environments in packages of their own.
apt_install() {
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    for program in apt-get $sudo; do
        command -v "$program" >/dev/null || return 1
    done
    echo "setup.sh: installing $1 by apt-get" >&2
    $sudo apt-get update -qq && $sudo apt-get install -y -qq "$1" >/dev/null
}

make_venv() {
    if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ]; then
        fail "$venv is there and no virtual environment: move it away"
    fi
    command -v python3 >/dev/null || apt_install python3-venv || true
    find_python || fail "Python 3.11 or later is needed;" \
        "${PYTHON:-python3} is $(version_of "${PYTHON:-python3}" || echo not there)." \
        "Install one, or name one that is not on PATH: PYTHON=/path/to/python3.12 sh setup.sh"
    debian=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    "$python" -c 'import ensurepip, venv' 2>/dev/null || apt_install "$debian" ||
        fail "$python cannot make virtual environments: install the package $debian as root, then try again"
    trap 'rm -rf "$venv"' EXIT  # nothing half-made is left behind
    trap 'exit 130' INT TERM HUP
    "$python" -m venv --clear "$venv" || fail "$python could not make $venv, for the reason above"
}

made_of() { { "$venv/bin/python" -VV && cat "$@"; } | cksum; }  # what a set-up depends on

if ! is_new_enough "$venv/bin/python" || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    make_venv
elif grep -qxF "$(made_of "$@")" "$venv/made-of" 2>/dev/null; then
    exit 0
fi
for requirements do :; done  # the last, which takes in those before it
echo "setup.sh: installing what $requirements lists into $venv ($size of the disk)" >&2
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-compile -r "$requirements" ||
    fail "pip could not install everything, for the reason above: is there a network, and room on the disk?"
{ made_of requirements.txt; made_of "$@"; } >"$venv/made-of"
trap - EXIT
