# shellcheck shell=sh disable=SC2154
# The web UI, from ui/ into src/portcall/web/static. Read by common.sh.

build_ui() {
    if [ ! -f ui/index.html ]; then
        say "there is no ui/ yet: the server will have no pages"
        return
    fi
    static=src/portcall/web/static
    wanted_ui=$(ui_sources | sha256sum)
    [ "$(cat "$static/.made-from" 2>/dev/null)" = "$wanted_ui" ] && [ -d ui/node_modules ] && return
    find_node
    # npm's own record of what it installed: nothing to do if it is newer than what is asked for
    installed=ui/node_modules/.package-lock.json
    if [ ! -f "$installed" ] || [ -n "$(find ui/package-lock.json -newer "$installed")" ]; then
        say "installing the UI's packages"
        npm_run ci --no-audit --no-fund
    fi
    say "building the UI"
    npm_run run build
    mkdir -p "$static"
    echo "$wanted_ui" >"$static/.made-from"
}

# What the build is made from, with what it holds.
ui_sources() {
    find ui -type d \( -name node_modules -o -name dist -o -name test-results -o -name coverage \) -prune -o \
        -type f -exec sha256sum {} + | LC_ALL=C sort -k 2
}

# Node from the machine if it is new enough, else from a Python package into .venv.
find_node() {
    node_is_new_enough && return
    PATH="$top/.venv/bin:$PATH"
    node_is_new_enough && return
    say "no Node.js >= 20.19 with npm here: installing one into .venv"
    pip_install "$top/.venv" --require-hashes -r requirements-node.txt
    node_is_new_enough || die "Node.js from requirements-node.txt does not run here." "Install Node.js >= 20.19 and npm."
}

node_is_new_enough() {
    command -v npm >/dev/null && command -v node >/dev/null || return 1
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'
}

npm_run() {
    (cd ui && quietly npm --no-update-notifier "$@") || die "npm $* failed in ui/; what it said is above."
}
