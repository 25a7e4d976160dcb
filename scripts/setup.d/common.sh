# shellcheck shell=sh disable=SC2154
# What scripts/setup and scripts/install share. They give: top, the clone's folder, which is also where they are.

say() { echo "setup: $*"; }

# die WHAT [WHAT TO DO …]
die() {
    echo "setup: $1" >&2
    shift
    for line; do echo "       $line" >&2; done
    exit 1
}

# Runs a program that has much to say, and shows the end of that only if it fails.
quietly() {
    log=$(mktemp)
    if "$@" >"$log" 2>&1 </dev/null; then
        rm -f "$log"
    else
        tail -n 40 "$log" >&2
        rm -f "$log"
        return 1
    fi
}

. scripts/setup.d/packages.sh
. scripts/setup.d/python.sh
. scripts/setup.d/ui.sh
