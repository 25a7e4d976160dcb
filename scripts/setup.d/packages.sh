# shellcheck shell=sh disable=SC2154
# Debian packages. Read by common.sh. Who calls install_packages gives: packages, the lists' names.

# The names in install/packages-$1.txt for this distribution; "[debian]" or "[ubuntu]" after a name limits it.
package_list() {
    # shellcheck disable=SC1091
    distribution=$(. /etc/os-release 2>/dev/null && echo "${ID:-}")
    sed -e 's/#.*//' -e "s/\[$distribution\]//" "install/packages-$1.txt" | awk 'NF == 1 { print $1 }'
}

missing_packages() {
    for list in $packages; do package_list "$list"; done | sort -u | while read -r name; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) || state=
        [ "$state" = installed ] || echo "$name"
    done
}

install_packages() {
    if ! command -v dpkg-query >/dev/null; then
        say "this is not Debian or Ubuntu: install what install/packages-*.txt name yourself (going on)"
        return
    fi
    missing=$(missing_packages | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    command="apt-get install --no-install-recommends $missing"
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    elif [ -t 0 ] && command -v sudo >/dev/null; then
        as_root=sudo
        say "sudo asks for your password to run: $command"
    else
        die "these Debian packages are missing, and installing them needs root. Run, or have run:" \
            "sudo $command" "and then repeat what you did."
    fi
    say "installing Debian packages: $missing"
    # shellcheck disable=SC2086  # words, on purpose
    $as_root env DEBIAN_FRONTEND=noninteractive sh scripts/setup.d/apt.sh $missing ||
        die "the packages could not be installed. What apt said is above; the command is:" "sudo $command"
}
