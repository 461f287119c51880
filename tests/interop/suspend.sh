# shellcheck shell=bash
# The virtual machine is suspended to RAM with a tunnel of its own, to our test server, which stays awake in the lab's
# server namespace.

PORT_SLEEP=443
SLEEP4=$(tunnel_server $PORT_SLEEP)

# The programs that `make install` has put into the sandbox, for the machine.
sleepers_ready() {
    local programs=$LAB_RUN/programs
    mkdir "$programs" && cp /usr/libexec/nm-sstp-{service,auth-dialog} /usr/bin/sstpctl "$programs" || die "nothing is installed"
    spawn programs "${IN_SERVER[@]}" python3 -m http.server --bind $VM_GATEWAY --directory "$programs" 8000
    wait_for 20 programs_served || die "the programs are not served: $(cat "$(log_of programs)")"
    # what is left of a connection whose client sleeps is forgotten soon
    in_server sysctl -qw net.ipv4.tcp_orphan_retries=1
}
programs_served() { in_server bash -c "exec 3<>/dev/tcp/$VM_GATEWAY/8000"; }

# The machine is booted anew, with the client in it: under qemu it falls asleep once, and the next time it is awake at once.
sleeper_boots() {
    reap vm KILL
    ip -n server link delete vm0
    vm_up "$VM_IMAGE"; vm_wait
    wait_for 10 programs_served || die "the programs are not served"
    vm_put "$LAB_RUN/stage" && vm_run "echo '$SERVER4 $SERVER_NAME' >>/etc/hosts
echo '$VPN_PASSWORD' | sh /opt/interop/client http://$VM_GATEWAY:8000 $SERVER_NAME:$PORT_SLEEP '$VPN_USER'" ||
        die "cannot start the client in the machine: $(vm_run 'cat /run/client.log; dmesg | grep DENIED')"
}

sleeper_case() { sleeper_alone_case "$1" sleeper_whole_case "${@:2}"; } # NAME FUNCTION [ARGUMENT]...
# The same without a tunnel.
sleeper_alone_case() {
    [[ $1 =~ ${CASE:-} ]] || return 0
    sleeper_boots >/dev/null
    rm -f "$LAB_RUN/measured"
    run_case "$@"
    [ ! -e "$LAB_RUN/measured" ] || say "        in milliseconds: $(cat "$LAB_RUN/measured")"
    reap server-sleep KILL
}
sleeper_whole_case() {
    server_up server-sleep $PORT_SLEEP
    vm_run "/opt/bin/sstpctl connect sleeper" || fail "the machine does not connect"
    vm_run "ping -c 1 -W 3 $SLEEP4" || fail "no answer from $SLEEP4 through the tunnel"
    local before; before=$(sleeper_network)
    "$@"
    [ "$(sleeper_network)" = "$before" ] || fail "not the same network:
$(diff <(say "$before") <(sleeper_network))"
    vm_run "/opt/bin/sstpctl disconnect sleeper" || fail "the machine does not disconnect"
}

# The tunnel's interface with its index, its addresses, and every route.
sleeper_network() {
    vm_run 'for tun in /sys/class/net/*/tun_flags; do tun=${tun%/*}; echo "${tun##*/} $(cat "$tun/ifindex")"; done
ip -o address show; ip -4 route show table all; ip -6 route show table all; ip rule show' | sed 's/ *valid_lft.*//; s/ expires [0-9a-z]*//'
}

# suspend SECONDS FUNCTION NAME=PATTERN...: the function is called while the machine sleeps. Sets AFTER to what
# vm/suspend.py printed.
declare -A AFTER
suspend() {
    local seconds=$1 meanwhile=$2 name value sleeper; shift 2
    vm_run "python3 /opt/interop/suspend.py /run/client.log $SLEEP4 $(printf " '%s'" "$@")" >"$LAB_RUN/suspended" &
    sleeper=$!
    wait_for 40 asleep || fail "the machine does not fall asleep: $(cat "$LAB_RUN/suspended"; vm_run "dmesg | tail -n 20")"
    $meanwhile
    sleep "$seconds"
    asleep || fail "the machine did not sleep for long enough"
    vm_monitor system_wakeup >/dev/null
    wait $sleeper || fail "the machine could not be suspended: $(cat "$LAB_RUN/suspended")"
    AFTER=()
    while IFS='=' read -r name value; do
        [ -z "$value" ] || AFTER[$name]=$value
    done <"$LAB_RUN/suspended"
    paste -sd ' ' "$LAB_RUN/suspended" >"$LAB_RUN/measured"
}
asleep() { vm_monitor "info status" | grep -q '(suspended)'; }
# came WITHIN NAME...: each has come within so many milliseconds after the end of the suspension.
came() {
    local within=$1 name; shift
    for name; do
        [ "${AFTER[$name]-$((within + 1))}" -le "$within" ] || fail "'$name' took ${AFTER[$name]-too long} ms instead of $within"
    done
}

short_sleep() {
    suspend 6 true asked="sent SSTP_MSG_ECHO_REQUEST" heard="received SSTP_MSG_ECHO_RESPONSE"
    came 2000 asked heard answers
    [ "${AFTER[slept]}" -ge 4000 ] || fail "it slept for ${AFTER[slept]} ms"
    lacks "$(vm_run "cat /run/client.log")" "connection was lost" "the log"
}

# Nobody tells the machine: what is sent to it while it sleeps never arrives.
server_forgets() {
    in_server ip link set vm0 down
    reap server-sleep KILL
    wait_for 5 forgotten || fail "the connection is still there: $(in_server ss -Htan "sport = :$PORT_SLEEP")"
    server_up server-sleep $PORT_SLEEP
    in_server ip link set vm0 up
}
forgotten() { [ -z "$(in_server ss -Htan "sport = :$PORT_SLEEP" | grep -v LISTEN)" ]; }

forgotten_sleep() {
    suspend 5 server_forgets lost="connection was lost" up="sent SSTP_MSG_CALL_CONNECTED"
    came 3000 lost
    came 15000 up answers
}
