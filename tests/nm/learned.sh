# shellcheck shell=bash
# What the server's network tells once the tunnel is up, as NetworkManager has it then: by DHCPINFORM (dnsmasq), router
# advertisements (radvd), and stateless DHCPv6. Needs vpn.sh.

# A server with IPV6CP, the device that radvd and dnsmasq serve on, and the networks behind it.
PORT_LEARN=450
LEARN_DEVICE=sstp$PORT_LEARN
LEARN4=$(tunnel_server $PORT_LEARN) LEARN4=${LEARN4%.*}     # 10.99.194
LEARN6=fd99:450: OTHER6=fd99:451:
IPCP_DNS=$LEARN4.53 DHCP_DNS=$LEARN4.54 LEARN_DNS6=${LEARN6}:53

learning_server_up() {
    server_up server-learn $PORT_LEARN --ipv6-address ${LEARN6}:1/64 --dns "$IPCP_DNS"
    local address
    for address in "$IPCP_DNS/32" "$DHCP_DNS/32" $LEARN_DNS6/128 ${OTHER6}:1/64; do
        in_server ip address add "$address" dev $LEARN_DEVICE || die "cannot give $address to $LEARN_DEVICE"
    done
}

# What the network's DHCP server and its router tell, unless a case has its own.
dhcp_tells() { # OPTION...
    dnsmasq_up $LEARN_DEVICE dhcp-option=6,"$DHCP_DNS" dhcp-option=15,corp.lab.test dhcp-option=119,corp.lab.test,eng.lab.test \
        dhcp-option=44,"$LEARN4.9" host-record=host.corp.lab.test,"$LEARN4.1" "$@"
}
two_routes() { dhcp_tells dhcp-option=121,10.55.0.0/16,"$LEARN4.1" dhcp-option=249,10.56.0.0/16,"$LEARN4.1"; }
router_tells() { radvd_up $LEARN_DEVICE prefix=${LEARN6}:/64 rdnss=$LEARN_DNS6 dnssl=six.lab.test "$@"; }

# learn [KEY=VALUE]...: a tunnel to that server, which is up.
learn() { learning "$@"; up vpn; succeeded; }
learning() { profile vpn gateway="$SERVER_NAME:$PORT_LEARN" "$@"; store vpn; }

# soon COMMAND...: it comes true in a moment; stays: it is true for some seconds.
soon() { within 8 "$@"; }
within() { wait_for "$1" "${@:2}" || fail "not within $1 s: ${*:2}
$(learned)"; }
stays() {
    local end=$((${EPOCHREALTIME/./} + 4000000))
    while [ "${EPOCHREALTIME/./}" -lt $end ]; do
        "$@" || fail "it does not stay so: $*
$(learned)"
        sleep .2
    done
}
not() { ! "$@"; }
learned() {
    ip address show dev "$(tunnel)"; ip -4 route show; ip -6 route show; cat /etc/resolv.conf
    nmcli --fields IP4,IP6 connection show vpn
}

routed() { ip -4 route show dev "$(tunnel)" | grep -q "^$1 "; }            # PREFIX, or default
routed6() { ip -6 route show dev "$(tunnel)" | grep -q "^$1 "; }
uplink_default() { ip "-$1" route show default | head -n 1 | grep -q "dev $CLIENT_LINK"; }
has_address6() { ip -6 address show dev "$(tunnel)" scope global | grep -q "inet6 $1"; }
name_server() { grep -qx "nameserver $1" /etc/resolv.conf; }
searched() { grep -Eq "^search (.* )?$1( |\$)" /etc/resolv.conf; }
shows() { nmcli --terse --fields "${1%%.*}" connection show vpn | grep -Eq "^$1\[[0-9]+\]:.*$2"; }      # FIELD VALUE
# The tunnel's device is the helper's: the kernel must not follow advertisements on its own account.
kernel_keeps_out() { lacks "$(ip -6 route show dev "$(tunnel)")" "proto ra" "what the kernel made of advertisements"; }
tunnel_mtu() { [ "$(cat "/sys/class/net/$(tunnel)/mtu")" = "$1" ]; }
# What the server logged since the case began, and the interface identifier that IPV6CP gave to the client there, as the
# second half of an address.
server_said() { tail -c "+$((SERVER_LOG_START + 1))" "$(log_of server-learn)"; }
identifier() { server_said | sed -n 's/.*up with address fe80::\(.*\)/\1/p'; }

# IPv6

advertised() {
    router_tells route=fd99:9::/48
    learn; soon has_address6 "${LEARN6}:$(identifier)/"
    soon routed6 default; soon routed6 fd99:9::/48
    soon name_server $LEARN_DNS6; soon searched six.lab.test
    soon shows IP6.ADDRESS $LEARN6
    kernel_keeps_out
    reaches ${LEARN6}:1
    reaches "$LEARN4.1"
    down vpn
}

# A router that comes back with another prefix; the old one runs out.
another_prefix() {
    radvd_up $LEARN_DEVICE prefix=${LEARN6}:/64,10,5
    learn; soon has_address6 $LEARN6
    radvd_down $LEARN_DEVICE KILL
    radvd_up $LEARN_DEVICE prefix=${OTHER6}:/64
    soon has_address6 "${OTHER6}:$(identifier)/"
    within 15 not has_address6 $LEARN6
    reaches ${OTHER6}:1
    down vpn
}

# A router that is not heard of any more: its prefix, and with it IPv6, runs out. IPv4 is not concerned.
prefix_expires() {
    radvd_up $LEARN_DEVICE prefix=${LEARN6}:/64,8,4
    learn; soon has_address6 $LEARN6
    radvd_down $LEARN_DEVICE KILL
    within 20 not has_address6 $LEARN6
    soon not routed6 default
    reaches "$LEARN4.1"
    down vpn
}

router_leaves() {
    router_tells
    learn; soon routed6 default; kernel_keeps_out
    radvd_down $LEARN_DEVICE
    soon not routed6 default
    reaches "$LEARN4.1"
    down vpn
}

nobody_advertises() {
    learn; connected $PORT_LEARN
    contains "$(server_said)" "up with address fe80::" "the server's log"
    stays not has_address6 .
    stays not shows IP6.ADDRESS .
    down vpn
}

stateless_dhcp6() {
    radvd_up $LEARN_DEVICE prefix=${LEARN6}:/64 other=yes
    dnsmasq_up $LEARN_DEVICE dhcp-option=option6:dns-server,[$LEARN_DNS6] dhcp-option=option6:domain-search,six.lab.test
    learn; soon name_server $LEARN_DNS6; soon searched six.lab.test
    soon grep -q DHCPINFORMATION-REQUEST "$(log_of dnsmasq-$LEARN_DEVICE)"
    down vpn
}

ipv6_disabled() {
    router_tells
    learning; nmcli connection modify vpn ipv6.method disabled
    up vpn; succeeded; connected $PORT_LEARN
    stays not has_address6 .
    kernel_keeps_out
    lacks "$(server_said)" "up with address fe80::" "the server's log"
    down vpn
}

# DHCPINFORM

informed() {
    two_routes
    learn; soon routed 10.55.0.0/16; soon routed 10.56.0.0/16
    soon name_server "$DHCP_DNS"; soon searched corp.lab.test; soon searched eng.lab.test
    soon shows IP4.DNS "$DHCP_DNS"; soon shows IP4.DOMAIN eng.lab.test
    soon shows IP4.ROUTE 10.55.0.0/16; soon shows IP4.WINS "$LEARN4.9"
    contains "$(getent ahostsv4 host.corp.lab.test)" "^$LEARN4\.1 " "the answer of the name server"
    contains "$(getent ahostsv4 host)" "^$LEARN4\.1 " "the answer for the name without its domain"
    down vpn
}

# The request itself, as the server's network sees it.
inform_request() {
    local request
    dhcp_tells; capture 'udp dst port 67' -vv
    learn
    soon grep -q Inform "$(log_of capture)"
    reap capture; request=$(cat "$(log_of capture)")
    contains "$request" "^ *$LEARN4\.[0-9]+\.68 > 255\.255\.255\.255\.67" "the request"
    contains "$request" "Client-IP $LEARN4\.[0-9]+" "the request"
    for option in "Domain-Name-Server \(6\)" "Domain-Name \(15\)" "Netbios-Name-Server \(44\)" "\(119\)" "Classless-Static-Route \(121\)" "Classless-Static-Route-Microsoft \(249\)"; do
        contains "$request" "$option" "the request"
    done
    down vpn
}

# Nobody answers: the tunnel is up as quickly as ever, and the questions end.
no_dhcp() {
    local start=$EPOCHREALTIME took
    capture 'udp dst port 67'
    learn; took=$(since "$start")
    connected $PORT_LEARN
    [ "$took" -lt 4000 ] || fail "it took $took ms"
    sleep 20
    reap capture
    asked_often=$(grep -c 'BOOTP/DHCP, Request' "$(log_of capture)")
    { [ "$asked_often" -ge 2 ] && [ "$asked_often" -le 8 ]; } || fail "$asked_often requests in 20 s:
$(cat "$(log_of capture)")"
    not searched corp.lab.test || fail "a domain from nowhere"
    down vpn
}

late_dhcp() {
    learn; connected $PORT_LEARN
    sleep 1; two_routes
    within 15 routed 10.55.0.0/16
    soon searched corp.lab.test; soon name_server "$DHCP_DNS"
    connected_still
    down vpn
}
connected_still() { nmcli --terse --fields NAME,STATE connection show --active | grep -qx vpn:activated || fail "it is not active any more"; }

# capture FILTER [OPTION]...: what passes the server's TUN device goes to a log.
capture() {
    spawn capture "${IN_SERVER[@]}" tcpdump -i $LEARN_DEVICE -n -l --immediate-mode "${@:2}" "$1"
    wait_for 5 grep -q 'listening on' "$(log_of capture)" || fail "tcpdump does not start: $(cat "$(log_of capture)")"
}

# What goes through the tunnel: the key routes

# A domain and nothing else that is new: names alone make an update.
domain_alone() {
    dnsmasq_up $LEARN_DEVICE dhcp-option=6,"$IPCP_DNS" dhcp-option=15,corp.lab.test
    learn; soon searched corp.lab.test
    soon vpn_is_activated; stays vpn_is_activated
    dnsmasq_down $LEARN_DEVICE
    radvd_up $LEARN_DEVICE prefix=${LEARN6}:/64
    soon has_address6 $LEARN6
    router_tells dnssl=later.lab.test
    soon searched later.lab.test; soon vpn_is_activated
    reaches "$LEARN4.1"
    down vpn
}
vpn_is_activated() { nmcli --terse --fields TYPE,STATE connection show --active | grep -qx vpn:activated; }
split_by_server() {
    two_routes; router_tells lifetime=0 route=fd99:9::/48
    learn routes=auto; soon routed 10.55.0.0/16; soon routed 10.56.0.0/16
    soon not routed default; soon uplink_default 4
    soon routed6 fd99:9::/48; not routed6 default || fail "there is a default route for IPv6"
    reaches "$LEARN4.1"
    down vpn
}
default_by_server() {
    dhcp_tells "dhcp-option=121,10.55.0.0/16,$LEARN4.1,0.0.0.0/0,$LEARN4.1"
    learn routes=auto; soon routed 10.55.0.0/16; stays routed default
    down vpn
}
auto_without_routes() {
    dhcp_tells
    learn routes=auto; soon searched corp.lab.test; stays routed default
    down vpn
}
split_by_profile() {
    two_routes; router_tells route=fd99:9::/48
    learn routes=split; soon routed 10.55.0.0/16; soon routed6 fd99:9::/48; soon has_address6 $LEARN6
    not routed default || fail "there is a default route for IPv4"
    not routed6 default || fail "there is a default route for IPv6"
    kernel_keeps_out
    uplink_default 4 && uplink_default 6 || fail "the uplink's default routes are gone"
    reaches "$LEARN4.1"; reaches ${LEARN6}:1
    down vpn
}
full_by_profile() {
    two_routes; router_tells
    learn routes=full; soon routed 10.55.0.0/16; soon routed default; soon routed6 default
    down vpn
}
none_by_profile() {
    two_routes
    learn routes=none; stays not searched corp.lab.test
    not routed default || fail "there is a default route"
    not routed 10.55.0.0/16 || fail "the server's route is there"
    reaches "$LEARN4.1"
    down vpn
}

# NetworkManager's own settings win

never_default() {
    two_routes; router_tells
    learning; nmcli connection modify vpn ipv4.never-default yes ipv6.never-default yes
    up vpn; succeeded
    soon routed 10.55.0.0/16; soon has_address6 $LEARN6
    not routed default || fail "there is a default route for IPv4"
    not routed6 default || fail "there is a default route for IPv6"
    down vpn
}
ignore_auto_dns() {
    two_routes; router_tells
    learning; nmcli connection modify vpn ipv4.ignore-auto-dns yes ipv4.dns "$LEARN4.99" ipv4.dns-search own.lab.test ipv6.ignore-auto-dns yes
    up vpn; succeeded
    soon routed 10.55.0.0/16; soon has_address6 $LEARN6
    name_server "$LEARN4.99" || fail "the profile's name server is not there"
    searched own.lab.test || fail "the profile's domain is not there"
    lacks "$(cat /etc/resolv.conf)" "corp|eng|six|$IPCP_DNS|$DHCP_DNS|$LEARN_DNS6" resolv.conf
    down vpn
}
ignore_auto_routes() {
    two_routes; router_tells route=fd99:9::/48
    learning; nmcli connection modify vpn ipv4.ignore-auto-routes yes ipv4.routes 10.57.0.0/16 ipv6.ignore-auto-routes yes
    up vpn; succeeded
    soon searched corp.lab.test; soon has_address6 $LEARN6
    routed 10.57.0.0/16 || fail "the profile's route is not there"
    not routed 10.55.0.0/16 || fail "the server's route is there"
    not routed6 fd99:9::/48 || fail "the router's route is there"
    down vpn
}
more_dns() {
    dhcp_tells
    learning; nmcli connection modify vpn ipv4.dns "$LEARN4.99"
    up vpn; succeeded
    soon name_server "$LEARN4.99"; soon name_server "$DHCP_DNS"
    down vpn
}

# MTU

mtu_by_router() {
    router_tells mtu=1340
    learn; soon has_address6 $LEARN6; soon tunnel_mtu 1340
    down vpn
}
mtu_by_profile() {
    router_tells mtu=1400
    learn mtu=1300; soon has_address6 $LEARN6; stays tunnel_mtu 1300
    down vpn
}
# Below 1280 there is no IPv6 (RFC 8200 5): the wish of the profile, or IPv6, but not both.
mtu_too_small_for_ipv6() {
    router_tells
    learn mtu=1000
    sleep 3
    if has_address6 .; then
        [ "$(cat "/sys/class/net/$(tunnel)/mtu")" -ge 1280 ] || fail "IPv6 on a device with an MTU below 1280"
    else
        tunnel_mtu 1000 || fail "neither IPv6 nor the profile's MTU: $(ip link show dev "$(tunnel)")"
    fi
    reaches "$LEARN4.1"
    down vpn
}

# learned_case NAME FUNCTION: as vpn_case, and the network is silent again after it.
learned_case() {
    SERVER_LOG_START=$(stat -c %s "$(log_of server-learn)")
    vpn_case "$@"
    radvd_down $LEARN_DEVICE KILL; dnsmasq_down $LEARN_DEVICE; reap capture
}

learned_cases() {
    learned_case "IPv6 by router advertisement" advertised
    learned_case "IPv6, another prefix" another_prefix
    learned_case "IPv6, the prefix expires" prefix_expires
    learned_case "IPv6, the router leaves" router_leaves
    learned_case "IPv6, nobody advertises" nobody_advertises
    learned_case "IPv6, name servers by stateless DHCPv6" stateless_dhcp6
    learned_case "ipv6.method=disabled" ipv6_disabled
    learned_case "DHCPINFORM: the answer" informed
    learned_case "DHCPINFORM: the request" inform_request
    learned_case "DHCPINFORM: no answer" no_dhcp
    learned_case "DHCPINFORM: a late answer" late_dhcp
    learned_case "a domain and nothing else" domain_alone
    learned_case "routes=auto, the server's networks" split_by_server
    learned_case "routes=auto, the server's default route" default_by_server
    learned_case "routes=auto, no routes" auto_without_routes
    learned_case "routes=split" split_by_profile
    learned_case "routes=full" full_by_profile
    learned_case "routes=none" none_by_profile
    learned_case "ipv4.never-default" never_default
    learned_case "ipv4.ignore-auto-dns" ignore_auto_dns
    learned_case "ipv4.ignore-auto-routes" ignore_auto_routes
    learned_case "ipv4.dns" more_dns
    learned_case "MTU by router advertisement" mtu_by_router
    learned_case "MTU by the profile" mtu_by_profile
    learned_case "MTU too small for IPv6" mtu_too_small_for_ipv6
}
