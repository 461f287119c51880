# shellcheck shell=bash
# What happens to a tunnel, for either client. In each case the tunnel must be the same device afterwards, and nothing of
# what belongs into it may have been on a wire.

disturbance_cases() {
    transport_case "the server is started again" server_restarts
    transport_case "the server is away for a while" server_is_away
    transport_case "the server gives another address" another_address
    transport_case "the server has another password" another_password
    transport_case "the server loses what it knew" half_open
    transport_case "the network swallows everything" swallowed
    transport_case "the wire has another address" wire_has_another_address
    transport_case "the wire goes and comes back" wire_goes_and_comes
    transport_case "the wire leads into another network" another_network
    transport_case "another wire takes over" another_wire
    transport_case "the client sleeps" sleeps
    transport_case "the gateway's name has another address" another_gateway
    transport_case "another address, where the tunnel's name servers are asked for everything" another_gateway_beside
    transport_case "a wire of IPv6 alone" only_ipv6
    transport_case "a wire that loses IPv6" loses_ipv6
    transport_case "told to end while it reconnects" told_to_end
}

# transport_case NAME FUNCTION [ARGUMENT]...
transport_case() {
    touch "$LAB_RUN/case"
    LOG_START=$(stat -c %s "$(log_of NetworkManager)")
    run_case "$CLIENT: $1" whole_case "${@:2}"
    stop_listening
    if [ $CLIENT = nm ]; then
        nmcli --terse connection delete vpn >/dev/null 2>&1
    else
        ctl disconnect --all >/dev/null 2>&1
    fi
    second_wire goes; world_is_back; wire is_back
    alive server-roam || roam_server_up
}
whole_case() {
    "$@" || return 1
    if [ $CLIENT = nm ]; then
        second_wire goes; wire is_back; nothing_left
    else
        second_wire goes; wire is_back
        wait_for 10 box_is_clean || fail "something is left:
$(diff <(say "$CLEAN_BOX") <(box_machine))"
    fi
}
case_logs() { client_log | tail -n 30; tail -n 8 "$(log_of server-roam)"; }

within() { wait_for "$1" "${@:2}" || fail "not within $1 s: ${*:2}
$({ ip -4 address; ip -4 route; ip route get $GATE4; ip route get $TARGET4; ss -Htn "dport = :$PORT_ROAM"; } 2>&1)"; }

# begin [KEY=VALUE]...: a tunnel that works, and people who listen.
begin() {
    client_connects "$@"
    BEGAN_AS=$(ip -o link show type tun)
    goes_through_tunnel || fail "$TARGET4 does not answer through the tunnel"
    listen
}
goes_through_tunnel() { ping -n -c 1 -W 1 $TARGET4 >/dev/null && ! leads_around; }
# Nowhere is not around.
leads_around() {
    local way
    way=$(ip route get $TARGET4 2>/dev/null) && ! grep -q "dev $(tunnel) " <<<"$way"
}

# it_comes_back [SECONDS]: the same tunnel works again, and the client says so.
it_comes_back() {
    within "${1-20}" goes_through_tunnel
    within 5 client_is_up
    [ "$(device_of "$(ip -o link show type tun)")" = "$(device_of "$BEGAN_AS")" ] || fail "it is another device:
$BEGAN_AS
$(ip -o link show type tun)"
    nothing_leaked
}
device_of() { cut -d: -f1,2 <<<"$1"; }
# The client knows that it is without a tunnel, and says that it is on its way.
it_is_noticed() {
    within "${1-30}" reconnecting
    [ -n "$(tunnel)" ] || fail "the device is gone"
    leads_around && fail "$TARGET4 is reached beside the tunnel"
    return 0
}
reconnecting() {
    if [ $CLIENT = nm ]; then
        new_log | grep -qiE 'reconnect|again in' && [ -n "$(tunnel)" ]
    else
        shows '"state":"reconnecting"'
    fi
}
end() { client_disconnects; }

server_restarts() {
    begin
    roam_server_dies; roam_server_up
    it_comes_back
    end
}

server_is_away() {
    begin
    roam_server_dies
    it_is_noticed 5
    sleep 10
    roam_server_up
    it_comes_back 25
    end
}

another_address() {
    local before
    begin
    before=$(ip -4 -o address show dev "$(tunnel)")
    roam_server_dies; roam_server_up --pool 10.99.77.0/24 --dns 10.99.77.53
    it_comes_back
    contains "$(ip -4 -o address show dev "$(tunnel)")" "inet 10\.99\.77\." "the address"
    [ "$(ip -4 -o address show dev "$(tunnel)" | wc -l)" = "$(wc -l <<<"$before")" ] || fail "the address of before is still there"
    end
    roam_server_dies; roam_server_up
}

# Once, and never again.
another_password() {
    local tries
    begin
    roam_server_dies; roam_server_up --user "$VPN_USER:somethingElse"
    within 20 client_is_down
    sleep 8
    tries=$(grep -ciE 'refus|wrong|fail' "$(log_of server-roam)")
    [ "$tries" -le 2 ] || fail "it was tried $tries times: $(cat "$(log_of server-roam)")"
    contains "$(client_log)" "refused user name or password" "the log"
    if [ $CLIENT = box ]; then ctl disconnect roam >/dev/null 2>&1; ctl profile remove roam >/dev/null; fi
    roam_server_dies; roam_server_up
}

# The server's side of the connection is gone and nobody says so, until the client sends something.
half_open() {
    begin
    world_is_silent
    roam_server_dies; roam_server_up
    world_speaks
    it_comes_back 20
    end
}

swallowed() {
    begin
    world_is_silent
    it_is_noticed 60
    world_speaks
    it_comes_back 80
    end
}

wire_has_another_address() {
    begin
    wire has ${CLIENT4%.*}.9 $SERVER4
    it_comes_back
    end
}

wire_goes_and_comes() {
    begin
    wire goes
    sleep 8
    leads_around && fail "$TARGET4 is reached beside the tunnel"
    wire is_back
    it_comes_back
    end
}

# Where the way to the gateway was, there is nobody.
another_network() {
    begin
    wire goes
    in_server ip address delete $SERVER4/24 dev link0
    in_server ip address replace $ELSEWHERE_ROUTER4/24 dev link0
    wire has $ELSEWHERE4 $ELSEWHERE_ROUTER4
    it_comes_back
    end
}

another_wire() {
    second_wire comes
    begin
    wire goes
    it_comes_back
    contains "$(ss -Htn state established "dport = :$PORT_ROAM")" "$SECOND4" "the connection"
    end
}

# Longer than the server waits for an answer.
sleeps() {
    roam_server_dies; roam_server_up --hello 3
    begin
    pkill -STOP -x nm-sstp-service
    sleep 15
    pkill -CONT -x nm-sstp-service
    it_comes_back
    end
    roam_server_dies; roam_server_up
}

# Names are asked for beside the tunnel.
another_gateway() {
    NM_MORE="ipv4.never-default yes ipv4.ignore-auto-dns yes ipv4.routes $TARGET4/32"
    begin dns=none
    gateway_moves
    end
}
# The name servers that this machine asks are in the tunnel, and gone with it.
another_gateway_beside() {
    NM_MORE="ipv4.dns-priority -50"     # of the tunnel alone
    begin
    names_lead_into_the_tunnel || fail "the tunnel's name servers are not the ones that are asked"
    gateway_moves
    end
}
names_lead_into_the_tunnel() {
    if [ $CLIENT = nm ]; then
        ! grep -q "nameserver $SERVER4" /etc/resolv.conf && grep -q '^nameserver' /etc/resolv.conf
    else
        in_box resolvectl domain "$(tunnel)" | grep -q '~\.'
    fi
}
gateway_moves() {
    in_server ip address add $OTHER_GATE4/32 dev lo
    gateway_has $OTHER_GATE4
    in_server ip address delete $GATE4/32 dev lo; in_server ip -6 address delete $GATE6/128 dev lo
    roam_server_dies; roam_server_up
    it_comes_back 30                # its silence is noticed after 18 s
    contains "$(ss -Htn state established "dport = :$PORT_ROAM")" "$OTHER_GATE4" "the connection"
}

only_ipv6() {
    gateway_has $GATE4 $GATE6
    wire only6
    begin
    contains "$(ss -Htn state established "dport = :$PORT_ROAM")" "$GATE6" "the connection"
    roam_server_dies; roam_server_up
    it_comes_back
    end
}

loses_ipv6() {
    gateway_has $GATE4 $GATE6
    begin
    contains "$(ss -Htn state established "dport = :$PORT_ROAM")" "$GATE6" "the connection"
    wire loses6
    it_comes_back 40
    contains "$(ss -Htn state established "dport = :$PORT_ROAM")" "$GATE4" "the connection"
    end
}

told_to_end() {
    begin
    roam_server_dies
    it_is_noticed 5
    end
    stop_listening
    [ -z "$(tunnel)" ] || fail "the device is still there"
    roam_server_up
}

wire_goes_with_a_kill_switch() {
    begin kill-switch=yes
    roam_server_dies
    it_is_noticed 5
    ip -6 route get 2001:db8::1 >/dev/null 2>&1 && fail "IPv6 goes beside the tunnel"
    wire goes; wire is_back
    roam_server_up
    it_comes_back 25
    end
}
