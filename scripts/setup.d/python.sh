# shellcheck shell=sh disable=SC2154
# The virtual environment. Read by common.sh.

# A Python >= 3.11 with venv. As root it must not live in a private directory (a pyenv in /root):
# sessions run as other users, with this interpreter.
find_python() {
    for candidate in ${PYTHON:-} /usr/bin/python3 /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11 \
        /usr/local/bin/python3 python3 python3.13 python3.12 python3.11; do
        found=$(command -v "$candidate") || continue
        if "$found" -I - <<'PY' 2>/dev/null
import ensurepip, os, pathlib, sys, venv
binary = pathlib.Path(sys.executable).resolve()
private = os.getuid() == 0 and any(not folder.stat().st_mode & 0o001 for folder in binary.parents)
sys.exit(sys.version_info < (3, 11) or private)
PY
        then
            echo "$found"
            return
        fi
    done
    die "no usable Python: version 3.11 or newer with venv, outside of private directories." \
        "On Debian 12 or Ubuntu 24.04: sudo apt-get install python3-venv" "Or name one: PYTHON=/path/to/python3 make …"
}

# make_venv FOLDER LOCK: an environment in FOLDER with what LOCK names and this project; the clone's own is editable.
make_venv() {
    venv=$1 lock=$2 editable=
    [ "$venv" != "$top/.venv" ] || editable=--editable
    # what is installed depends on these; requirements-dev.txt holds all of requirements.txt, with the same versions
    wanted=$(cat pyproject.toml "$lock" | sha256sum)
    [ "$(cat "$venv/.installed-$lock" 2>/dev/null)" = "$wanted" ] && venv_works "$venv" && return
    if ! venv_works "$venv"; then
        python=$(find_python)
        say "making $venv with $python"
        "$python" -m venv --clear "$venv"
        echo "$venv" >"$venv/.made-in"
    fi
    say "installing Python packages of $lock"
    pip_install "$venv" --require-hashes -r "$lock"
    pip_install "$venv" --no-deps --no-build-isolation $editable "$top"
    echo "$wanted" >"$venv/.installed-$lock"
    if [ "$lock" = requirements-dev.txt ]; then
        cat pyproject.toml requirements.txt | sha256sum >"$venv/.installed-requirements.txt"
    fi
}

# Its interpreter may have gone or become another version, or the clone been moved: scripts in an environment name
# their interpreter by path.
venv_works() {
    [ "$(cat "$1/.made-in" 2>/dev/null)" = "$1" ] && "$1/bin/python" -c 'import pip' 2>/dev/null
}

pip_install() {
    pip_venv=$1
    shift
    quietly "$pip_venv/bin/python" -m pip --disable-pip-version-check install --no-input "$@" ||
        die "pip could not install into $pip_venv; what it said is above." \
            "Behind a proxy or a mirror, tell pip first: pip config set global.index-url URL"
}

# Playwright's own browser, where the machine has none (Ubuntu's is a snap, which cannot be driven everywhere).
find_browser() {
    for browser in chromium google-chrome; do
        ! command -v "$browser" >/dev/null || return 0
    done
    for browser in "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}"/chromium-*; do
        [ ! -d "$browser" ] || return 0
    done
    say "installing Playwright's Chromium"
    quietly "$top/.venv/bin/python" -m playwright install chromium ||
        die "Playwright could not fetch its Chromium; what it said is above." "Install a package that gives /usr/bin/chromium."
}
