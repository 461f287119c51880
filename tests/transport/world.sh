# shellcheck shell=bash
# Two wires to one world. The gateway is behind the router of each, as in a network that people have, and so is a host that
# the tunnel leads to: whoever listens on the wires must never see a datagram for it.

PORT_ROAM=454
ROAM_DEVICE=sstp$PORT_ROAM
GATE4=10.70.0.1 OTHER_GATE4=10.70.0.2 GATE6=fd70::1
TARGET4=203.0.113.9             # in the tunnel
WIRE=$CLIENT_LINK SECOND=uplink1
SECOND4=10.78.0.2 SECOND_ROUTER4=10.78.0.1
ELSEWHERE4=10.79.0.2 ELSEWHERE_ROUTER4=10.79.0.1

world_up() {
    ip link add $SECOND type veth peer name link1 netns server || die "cannot make the second wire"
    in_server ip address add $SECOND_ROUTER4/24 dev link1
    in_server ip link set link1 up
    world_is_back
    in_server ip address add $TARGET4/32 dev lo
    # the name of the gateway has to be asked for
    sed -i "/$SERVER_NAME/d" /etc/hosts
    spawn dnsmasq-world "${IN_SERVER[@]}" dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file=$LAB_RUN/dnsmasq-world.pid \
        --except-interface=lo --except-interface="sstp*" --bind-dynamic --no-resolv --no-hosts --user=root --log-facility=- --log-queries \
        --addn-hosts=$LAB_RUN/names
    roam_server_up
}

# The world as it is before each case.
world_is_back() {
    in_server ip address replace $GATE4/32 dev lo
    in_server ip -6 address replace $GATE6/128 dev lo nodad
    in_server ip address delete $OTHER_GATE4/32 dev lo 2>/dev/null
    in_server ip address delete $ELSEWHERE_ROUTER4/24 dev link0 2>/dev/null
    in_server ip address replace $SERVER4/24 dev link0
    in_server ip link set link0 up
    in_server ip route flush type blackhole
    gateway_has $GATE4
}

# gateway_has ADDRESS...: what the world's name server says from now on.
gateway_has() {
    local address
    for address; do say "$address $SERVER_NAME"; done >$LAB_RUN/names
    kill -HUP "$(pid_of dnsmasq-world)" 2>/dev/null || true
}

# roam_server_up ARGUMENT...: it says goodbye to nobody when it is killed, and hears of clients by its own timers.
# shellcheck disable=SC2120 # the disturbances pass some
roam_server_up() { server_up server-roam $PORT_ROAM --listen "[::]:$PORT_ROAM" "$@"; }
roam_server_dies() { reap server-roam KILL; }

# Nothing of the world reaches the client any more, and nobody says so.
world_is_silent() { local address; for address in $CLIENT4 $SECOND4 $ELSEWHERE4; do in_server ip route replace blackhole $address/32; done; }
world_speaks() { in_server ip route flush type blackhole; }

# listen: from now on, on the wires: what should be in the tunnel. In the tunnel: the tunnel itself.
listen() {
    local device
    for device in link0 link1; do
        spawn "listener-$device" "${IN_SERVER[@]}" tcpdump -n -l -i $device "host $TARGET4 or net ${LEAK_NET:-10.99.0.0/16}"
    done
    for device in link0 link1; do
        wait_for 5 grep -q 'listening on' "$(log_of listener-$device)" || fail "tcpdump does not listen: $(cat "$(log_of listener-$device)")"
    done
    # a person who does not stop working
    spawn traffic ping -n -i .1 -W 1 $TARGET4
}
nothing_leaked() {
    local device
    reap traffic
    for device in link0 link1; do
        reap listener-$device INT
        lacks "$(grep -v 'listening on' "$(log_of listener-$device)")" "IP6? " "what was heard on $device"
    done
}
stop_listening() { reap traffic; reap listener-link0 INT; reap listener-link1 INT; }
