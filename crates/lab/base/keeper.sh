#!/bin/sh
# Keeps one host of a lab: boots its container, plugs its NICs into their bridges, boots it again when
# it reboots by itself, ends when it powers off. Runs in the lab's network namespace, detached from
# whoever brought the lab up.
#
#   keeper.sh RUN STATE HOST MACHINE PORTS_DOWN GROUPS [PORT NIC BRIDGE]...
#
# GROUPS are directories of control groups, separated by spaces: one per hierarchy, for this host.
set -u
# The host's /dev/watchdog is a socket; behind it is what a watchdog would be (board.pl).
run=$1 state=$2 host=$3 machine=$4 ports_down=$5 groups=$6
shift 6

# Writing 0 moves the process that writes.
enter() {
    for group in $groups; do
        mkdir -p "$group/$1" && echo 0 >"$group/$1/cgroup.procs"
    done
}

enter keeper
# Standard input is the lock of whoever starts this host. From here on the control group tells of it.
exec </dev/null

start() {
    veths=
    while [ $# -ge 3 ]; do
        ip link delete "$1" 2>/dev/null
        veths="$veths --network-veth-extra=$1:$2"
        shift 3
    done
    (
        enter boot
        # shellcheck disable=SC2086
        exec systemd-nspawn --quiet --directory="$run/root" --machine="$machine" --hostname="$host" \
            --register=no --keep-unit --private-network $veths --boot --console=read-only \
            --capability=CAP_NET_ADMIN,CAP_NET_RAW,CAP_SYS_NICE,CAP_IPC_LOCK \
            --bind="$run/watchdog:/dev/watchdog" \
            --rlimit=RLIMIT_NOFILE=1024:524288 --link-journal=no --resolv-conf=off --timezone=off --setenv=TERM=dumb --setenv=SYSTEMD_COLORS=0
    ) &
    container=$!
}

# The host's end of each pair appears a moment after the container began.
plug_in() {
    while [ $# -ge 3 ]; do
        until ip link set "$1" master "$3" 2>/dev/null; do
            kill -0 "$container" 2>/dev/null || return 1
            sleep 0.02
        done
        ip link set "$1" alias "$host:$2"
        [ -e "$ports_down/$1" ] || ip link set "$1" up
        # Pulled in the meantime?
        [ ! -e "$ports_down/$1" ] || ip link set "$1" down
        shift 3
    done
}

while :; do
    rm -f "$run/attached" "$run/power-cut"
    boots=$(cat "$state/boots" 2>/dev/null || echo 0)
    echo $((boots + 1)) >"$state/boots.new" && mv "$state/boots.new" "$state/boots"
    echo "--- boot $((boots + 1)) of $host at $(date -u +%Y-%m-%dT%H:%M:%SZ)"
    start "$@"
    plug_in "$@" && : >"$run/attached"
    wait "$container"
    code=$?
    # systemd-nspawn(1), --keep-unit: 133 asks for the container to be started again.
    [ "$code" = 133 ] && continue
    # Watchdog and reset button name the boot that they ended.
    [ "$(cat "$run/reset" 2>/dev/null)" = "$((boots + 1))" ] || break
    echo "--- $host was reset"
done
echo "--- $host is off (systemd-nspawn ended with $code)"
rm -f "$run/attached"
