# shellcheck shell=bash
# The lab: network namespaces, a private bus, NetworkManager and servers for the tests and the demo.
# Source this file first; the others in this directory build on it.
#
# A script calls `lab_enter "$0" "$@"` and from then on runs as the first process of a PID namespace, with mount,
# UTS, IPC and network namespaces of its own and a /run that nobody else sees. Everything it starts, mounts or
# configures lives in them, so the kernel takes all of it away when the script ends, also by Ctrl-C or SIGKILL,
# and any number of runs can work side by side.

LAB_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TREE=$(cd "$LAB_HOME/../.." && pwd)
TARGET=${CARGO_TARGET_DIR:-$TREE/target}
LAB_CACHE=${LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nm-sstp}   # big things that take long to make
LAB_RUN=/run/lab                # logs, keys and overlays of this run: a tmpfs inside the sandbox
export LC_ALL=C.UTF-8
unset MAKEFLAGS MFLAGS          # of `make -j`, whose slots are for its own parts, not for the makes and cargos of one

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${LAB_NAME:-lab}" "$*" >&2; exit 1; }

# cached IMAGE: say where it is, and let go of images, also unfinished ones, that nobody has asked for in a month: what is in
# them changes, and each has hundreds of megabytes.
cached() {
    touch "$1"
    find "$LAB_CACHE" -mindepth 1 -maxdepth 1 \( -name 'box-*' -o -name 'vm-*' -o -name 'kernel-*' -o -name 'build.*' \) \
        -mtime +30 -exec rm -rf --one-file-system {} +
    say "$1"
}

# lab_obstacle [PROGRAM...]: why this machine cannot run the lab, in one sentence; nothing when it can.
lab_obstacle() {
    if [ "$(id -u)" != 0 ]; then
        say "it needs root, for network namespaces and TUN devices (run it with sudo)"
    elif ! unshare --mount --uts --ipc --pid --net --fork true 2>/dev/null; then
        say "root may not make namespaces here (a container without CAP_SYS_ADMIN?)"
    elif ! (exec 3<>/dev/net/tun) 2>/dev/null; then
        say "/dev/net/tun cannot be opened (load the module tun, or pass the device to the container)"
    else
        local program missing=
        for program; do
            command -v "$program" >/dev/null || [ -x "$program" ] || missing+=" $program"
        done
        [ -z "$missing" ] || say "missing:$missing"
    fi
}

# lab_require PROGRAM...: go on only where the lab can run.
lab_require() {
    local obstacle
    obstacle=$(lab_obstacle "$@")
    [ -z "$obstacle" ] || lab_skip "$obstacle"
}

# lab_skip REASON: this part cannot run on this machine, which is no failure, except in CI: there, a part that cannot run
# has failed.
lab_skip() {
    if [ "${CI-}" = true ]; then
        say "$LAB_NAME cannot run: $1"
        say "0 passed, 1 failed"
        exit 1
    fi
    say "$LAB_NAME skipped: $1"
    say "0 passed, 0 failed, 1 skipped"
    exit 0
}

# lab_enter SCRIPT ARGUMENT...: start the script again inside the sandbox, or return there. The sandbox is made in
# two steps: in between, with LAB_BEFORE_NET naming a function, that function still sees the machine's network.
lab_enter() {
    case ${LAB_STAGE-} in
    '')
        LAB_STAGE=mounts setpriv --pdeathsig KILL \
            unshare --mount --uts --ipc --pid --fork --kill-child --mount-proc --propagation private \
            -- bash "$@" <&0 &
        local sandbox=$! status
        # Killing the outermost process ends the whole PID namespace, and with it the sandbox.
        trap 'kill -KILL "$sandbox" 2>/dev/null; wait "$sandbox" 2>/dev/null; say "interrupted: everything is undone"; exit 130' INT TERM HUP
        wait "$sandbox"; status=$?
        exit $status ;;
    mounts)
        lab_mounts
        if [ -n "${LAB_BEFORE_NET-}" ]; then "$LAB_BEFORE_NET" || exit 1; fi
        LAB_STAGE=net exec unshare --net -- bash "$@" ;;
    net)
        unset LAB_STAGE
        mount -t sysfs -o ro,nosuid,nodev,noexec sysfs /sys      # this network namespace's devices; read-only tells
        ip link set lo up ;;                                     # NetworkManager not to wait for udev
    esac
}

# A /run of our own, and /etc, /usr and /var as overlays: what is written there stays in the sandbox.
lab_mounts() {
    local resolver directory
    resolver=$(cat /etc/resolv.conf 2>/dev/null)        # may be a link into the /run that is hidden next
    mount -t tmpfs -o mode=755,nosuid,nodev lab /run || die "cannot mount a tmpfs"
    mkdir -p $LAB_RUN/{pid,log,upper,work} /run/{netns,dbus,lock,NetworkManager}
    for directory in etc usr var; do
        mkdir "$LAB_RUN/upper/$directory" "$LAB_RUN/work/$directory"
        mount -t overlay "lab-$directory" "/$directory" \
            -o "lowerdir=/$directory,upperdir=$LAB_RUN/upper/$directory,workdir=$LAB_RUN/work/$directory" ||
            die "cannot mount an overlay over /$directory"
    done
    [ -L /var/run ] || { rm -rf /var/run; ln -s /run /var/run; }
    rm -f /etc/resolv.conf; printf '%s\n' "$resolver" >/etc/resolv.conf
    hostname lab-client
    unset DBUS_SYSTEM_BUS_ADDRESS DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY
}

# spawn NAME COMMAND...: start in the background, with its output in a log file of that name.
spawn() {
    local name=$1; shift
    alive "$name" && die "$name is already running"
    : >"$LAB_RUN/log/$name.log"         # at once: nobody is to read what the last one of that name said
    setsid "$@" >>"$LAB_RUN/log/$name.log" 2>&1 </dev/null &
    say $! >"$LAB_RUN/pid/$name"
    disown
}
pid_of() { cat "$LAB_RUN/pid/$1" 2>/dev/null; }
log_of() { say "$LAB_RUN/log/$1.log"; }
alive() { local pid; pid=$(pid_of "$1") && kill -0 "$pid" 2>/dev/null; }

# reap NAME [SIGNAL]: end what spawn started, with its process group; after 5 s with SIGKILL.
reap() {
    local pid; pid=$(pid_of "$1") || return 0
    rm -f "$LAB_RUN/pid/$1"
    kill "-${2:-TERM}" -- "-$pid" 2>/dev/null || return 0
    wait_for 5 gone "$pid" || kill -KILL -- "-$pid" 2>/dev/null
}
gone() { ! kill -0 -- "-$1" 2>/dev/null; }

# wait_for SECONDS COMMAND...: poll until the command succeeds.
wait_for() {
    local end=$((${EPOCHREALTIME/./} + $1 * 1000000)); shift
    until "$@" >/dev/null 2>&1; do
        [ "${EPOCHREALTIME/./}" -lt $end ] || return 1
        sleep .05
    done
}

# milliseconds since a value of $EPOCHREALTIME
since() { say $(((${EPOCHREALTIME/./} - ${1/./}) / 1000)); }
