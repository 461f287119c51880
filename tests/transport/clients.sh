# shellcheck shell=bash
# The two clients, by the same words: CLIENT=nm is NetworkManager with a persistent connection, CLIENT=box a session of the
# service. Their wires are in the lab's own network namespace, as the tunnel is.

client_connects() { "${CLIENT}_connects" "$@"; }        # [KEY=VALUE]...
client_disconnects() { "${CLIENT}_disconnects"; }
client_is_up() { "${CLIENT}_is_up"; }
client_is_down() { "${CLIENT}_is_down"; }
client_log() { "${CLIENT}_log"; }
wire() { "${CLIENT}_wire" "$@"; }                       # is_back | goes | has ADDRESS ROUTER | only6 | loses6
second_wire() { "${CLIENT}_second_wire" "$1"; }         # comes | goes

# NetworkManager

nm_ready() {
    nmcli --terse connection modify uplink ipv4.dns $SERVER4 >/dev/null
    nmcli --terse connection add type ethernet ifname $SECOND con-name second autoconnect no ipv4.method manual \
        ipv4.addresses $SECOND4/24 ipv4.gateway $SECOND_ROUTER4 ipv4.dns $SECOND_ROUTER4 ipv6.method disabled >/dev/null ||
        die "NetworkManager cannot have a second wire"
    # what the kernel keeps of a wire that was up once is there from now on
    nm_second_wire comes; nm_second_wire goes
    nm_wire is_back || die "NetworkManager's wire does not come back"
    CLEAN_MACHINE=$(machine)
}
nm_connects() {
    profile vpn gateway=$SERVER_NAME:$PORT_ROAM "$@"; store vpn
    # shellcheck disable=SC2086 # a list
    nmcli connection modify vpn vpn.persistent yes ${NM_MORE-}
    up vpn; succeeded
}
nm_disconnects() { down vpn; }
nm_is_up() { [ "$(nmcli --terse --get-values GENERAL.STATE connection show vpn)" = activated ]; }
nm_is_down() { inactive vpn; }
nm_log() { new_log; }
nm_is_clean() { machine_is_clean; }
inactive() { ! nmcli --terse --fields NAME connection show --active | grep -qx "$1"; }

nm_wire() {
    case $1 in
    is_back)
        nmcli --terse connection modify uplink ipv4.method manual ipv4.addresses $CLIENT4/24 ipv4.gateway $SERVER4 \
            ipv4.dns $SERVER4 ipv6.method manual ipv6.addresses $CLIENT6/64 ipv6.gateway $SERVER6 ipv6.dns '' &&
            nmcli --terse --wait 20 connection up uplink >/dev/null ;;
    goes) nmcli --terse connection down uplink >/dev/null ;;
    has)
        nmcli --terse connection modify uplink ipv4.addresses "$2/24" ipv4.gateway "$3" ipv4.dns "$3" &&
            nmcli --terse --wait 20 connection up uplink >/dev/null ;;
    only6)
        nmcli --terse connection modify uplink ipv4.method disabled ipv4.addresses '' ipv4.gateway '' ipv4.dns '' \
            ipv6.dns $SERVER6 && nmcli --terse --wait 20 connection up uplink >/dev/null ;;
    loses6)
        nmcli --terse connection modify uplink ipv6.method disabled ipv6.addresses '' ipv6.gateway '' ipv6.dns '' &&
            nmcli --terse --wait 20 connection up uplink >/dev/null ;;
    esac || fail "NetworkManager's wire: $*"
}
nm_second_wire() {
    case $1 in
    comes) nmcli --terse --wait 20 connection up second >/dev/null ;;
    goes) nmcli --terse connection down second >/dev/null 2>&1 || true ;;
    esac
}

# The service

# The name of the gateway has to be asked for.
box_without_the_name() { sed -i "/$SERVER_NAME/d" "$1/etc/hosts"; }     # ROOT
box_ready() {
    helper_ready
    box_second_wire goes
    box_wire is_back
    CLEAN_BOX=$(box_machine)
}
box_connects() { store_profile roam $PORT_ROAM "$@"; connect roam; connected_by; }
box_disconnects() { disconnect roam; ctl profile remove roam >/dev/null; }
box_is_up() { shows '"state":"connected"'; }
box_is_down() { shows '"state":"(failed|closed)"' || not shows '"state"'; }
box_log() { helper_log 200; }

box_wire() {
    [ "$1" != is_back ] || ip link set $WIRE down       # with everything that somebody has left there
    ip link set $WIRE up
    case $1 in
    is_back)
        ip address flush dev $WIRE scope global
        wait_for 5 uplink_has_link_local
        ip address replace $CLIENT4/24 dev $WIRE && ip address replace $CLIENT6/64 dev $WIRE nodad &&
            ip route replace default via $SERVER4 dev $WIRE metric 100 && ip -6 route replace default via $SERVER6 dev $WIRE ;;
    goes) ip address flush dev $WIRE scope global; ip link set $WIRE down ;;
    has)
        ip -4 address flush dev $WIRE scope global
        ip address replace "$2/24" dev $WIRE && ip route replace default via "$3" dev $WIRE metric 100 ;;
    only6)
        ip -4 address flush dev $WIRE scope global
        ip address replace $CLIENT6/64 dev $WIRE nodad && ip -6 route replace default via $SERVER6 dev $WIRE ;;
    loses6) ip -6 address flush dev $WIRE scope global ;;
    esac || fail "the wire: $*"
    # what a network manager would tell systemd-resolved
    case $1 in
    is_back) in_box resolvectl dns $WIRE $SERVER4 ;;
    has) in_box resolvectl dns $WIRE "$3" ;;
    only6) in_box resolvectl dns $WIRE $SERVER6 ;;
    esac
}
box_second_wire() {
    case $1 in
    comes)
        ip link set $SECOND up && ip address replace $SECOND4/24 dev $SECOND &&
            ip route replace default via $SECOND_ROUTER4 dev $SECOND metric 101
        in_box resolvectl dns $SECOND $SECOND_ROUTER4; in_box resolvectl domain $SECOND '~.' ;;
    goes) in_box resolvectl revert $SECOND; ip address flush dev $SECOND; ip link set $SECOND down ;;
    esac
}

# NetworkManager has had the wires before.
box_has_wires() {
    ip address flush dev $WIRE; ip -6 route flush dev $WIRE; ip link set $WIRE addrgenmode eui64
    ip link set $WIRE down; ip link set $WIRE up
}
