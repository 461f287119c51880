# shellcheck shell=bash
# Tunnels and attempts that end by force, or not at all.

# The server is killed while the client waits for it in a certain phase.
server_killed() { # PHASE
    local attempt
    reap server-killed KILL
    server_up server-killed $PORT_KILLED --misbehave "silent-in-$1"
    profile vpn gateway=$SERVER_NAME:$PORT_KILLED; store vpn
    timeout 100 nmcli --wait 90 connection up vpn >"$LAB_RUN/attempt" 2>&1 &
    attempt=$!
    wait_for 10 grep -qE "$([ "$1" = tls ] && say connected || say 'breaking off')" "$(log_of server-killed)" || fail "the server did not get there: $(cat "$(log_of server-killed)")"
    reap server-killed KILL
    wait_for 15 gone_process $attempt || fail "nmcli still waits 15 s after the server died"
    wait $attempt; STATUS=$? OUTPUT=$(cat "$LAB_RUN/attempt")
    # an end while it checks the credentials is how some servers refuse them
    refused "$REASON_CONNECT|secrets" "closed the connection|ended the connection|refused user name or password"
}
gone_process() { ! kill -0 "$1" 2>/dev/null; }

# The same when the tunnel is up: NetworkManager must notice and take everything back.
server_killed_up() {
    reap server-killed KILL
    server_up server-killed $PORT_KILLED
    profile vpn gateway=$SERVER_NAME:$PORT_KILLED; store vpn
    up vpn; succeeded; connected $PORT_KILLED
    reap server-killed KILL
    wait_for 10 inactive vpn || fail "the connection is still active 10 s after the server died"
    contains "$(new_log)" "closed the connection|ended the connection|reset" "the log"
}
inactive() { ! nmcli --terse --fields NAME connection show --active | grep -qx "$1"; }

helper_killed() {
    profile vpn; store vpn
    up vpn; succeeded; connected
    kill -KILL "$(pgrep -x nm-sstp-service)"
    wait_for 10 inactive vpn || fail "the connection is still active 10 s after the helper died"
}

helper_killed_connecting() {
    local attempt
    profile vpn gateway=$SERVER_NAME:$PORT_SILENT; store vpn
    nmcli --wait 90 connection up vpn >"$LAB_RUN/attempt" 2>&1 &
    attempt=$!
    wait_for 5 pgrep -x nm-sstp-service || fail "no helper was started"
    sleep .3
    kill -KILL "$(pgrep -x nm-sstp-service)"
    wait_for 10 gone_process $attempt || fail "nmcli still waits 10 s after the helper died"
    wait $attempt; STATUS=$? OUTPUT=$(cat "$LAB_RUN/attempt")
    refused 'stopped unexpectedly|VPN service'
}

# A user who changes their mind.
down_while_connecting() {
    profile vpn gateway=$SERVER_NAME:$PORT_SILENT; store vpn
    nmcli --wait 0 connection up vpn >/dev/null
    wait_for 5 pgrep -x nm-sstp-service || fail "no helper was started"
    sleep .3
    nmcli --wait 20 connection down vpn >/dev/null || fail "nmcli connection down failed"
}

time_limit() {
    local start=$EPOCHREALTIME took
    profile vpn gateway=$SERVER_NAME:$PORT_SILENT; store vpn
    nmcli connection modify vpn vpn.timeout 3
    up vpn; refused 'timed out|timeout'
    took=$(since "$start")
    [ "$took" -lt 8000 ] || fail "vpn.timeout of 3 s took $took ms"
}

two_at_once() {
    profile one; store one; nmcli connection modify one ipv4.never-default yes
    profile two gateway=$SERVER_NAME:$PORT_OTHER; store two; nmcli connection modify two ipv4.never-default yes
    up one; succeeded
    up two; succeeded
    [ "$(pgrep -xc nm-sstp-service)" = 2 ] || fail "not two helpers: $(pgrep -a nm-sstp-service)"
    reaches "$(tunnel_server 443)"; reaches "$(tunnel_server $PORT_OTHER)"
    down one
    reaches "$(tunnel_server $PORT_OTHER)"
    down two
}

ten_times() {
    local n
    profile vpn; store vpn
    for n in {1..10}; do
        up vpn; succeeded; connected
        down vpn
        nothing_left
    done
}

# Last: it ends NetworkManager. The helper must not outlive it, nor the device the helper.
networkmanager_killed() {
    profile vpn; store vpn
    up vpn; succeeded; connected
    reap NetworkManager KILL
    wait_for 10 no_helper || fail "the helper is still there 10 s after NetworkManager died"
    [ -z "$(tunnel)" ] || fail "the device is still there: $(tunnel)"
}
no_helper() { ! pgrep -x nm-sstp-service; }
