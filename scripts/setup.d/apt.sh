# shellcheck shell=sh
# Runs as root: installs the packages named, starts none of their services. See packages.sh.
# A developer who runs the tests did not ask for an SSH server or a web server on the machine's ports.
set -eu

policy=/usr/sbin/policy-rc.d
guard=
if [ ! -e "$policy" ]; then
    guard=yes
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    # It takes itself away, should this program be killed before it can.
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nkill -0 %s 2>/dev/null && exit 101\nrm -f "$0"\nexit 0\n' "$$" >"$policy"
    chmod 755 "$policy"
fi

quietly() {
    log=$(mktemp)
    if "$@" >"$log" 2>&1 </dev/null; then rm -f "$log"; else tail -n 30 "$log" >&2; rm -f "$log"; return 1; fi
}
update() { quietly apt-get -o DPkg::Lock::Timeout=600 update; }
install() { quietly apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@"; }

new_services=
for name; do
    case $name in
        openssh-server) new_services="$new_services ssh.service ssh.socket" ;;
        nginx) new_services="$new_services nginx.service" ;;
        slurm-wlm) new_services="$new_services slurmctld.service slurmd.service" ;;
        munge) new_services="$new_services munge.service" ;;
        podman) new_services="$new_services podman.service podman.socket podman-auto-update.timer podman-restart.service" ;;
        docker.io) new_services="$new_services docker.service docker.socket containerd.service" ;;
        gridengine-master | gridengine-exec) new_services="$new_services $name.service" ;;
    esac
done

# Grid Engine's programs alone: a cluster of this machine's own was not asked for.
case " $* " in
    *" gridengine-"*)
        [ -e /usr/share/gridengine ] || echo "gridengine-common shared/gridengineconfig boolean false" | debconf-set-selections
        ;;
esac

ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1 || update
install "$@" || { echo "setup: trying again with fresh package lists" >&2; update; install "$@"; }

# Not at the next boot either.
if [ -n "$guard" ] && [ -n "$new_services" ] && [ -d /run/systemd/system ]; then
    for unit in $new_services; do systemctl --quiet disable "$unit" 2>/dev/null || true; done
    echo "setup: installed but not enabled:$new_services"
fi
