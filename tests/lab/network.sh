# shellcheck shell=bash
# The lab's network: the script's own namespace is the client; `server` is a second one, joined by a veth pair.
# NetworkManager configures the client's end (see networkmanager.sh); the server's is configured here.

CLIENT_LINK=uplink0
CLIENT4=10.77.0.2 CLIENT6=fd77::2
SERVER4=10.77.0.1 SERVER6=fd77::1
SERVER_NAME=vpn.lab.test

network_up() {
    # the addresses are ours alone: no need to wait a second for duplicates to answer
    sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.dad_transmits=0
    ip netns add server || die "cannot make a network namespace"
    ip -n server link set lo up
    network_link veth
    printf '127.0.0.1 localhost\n::1 localhost\n%s\n' "$SERVER4 $SERVER_NAME" >/etc/hosts
}

# network_link veth|tap: what joins the two; a tap is for a virtual machine, which takes the place of the client.
network_link() {
    ! ip -n server link show link0 >/dev/null 2>&1 || ip -n server link delete link0
    case $1 in
    veth) ip link add $CLIENT_LINK type veth peer name link0 netns server || die "cannot make a veth pair" ;;
    tap) ip -n server tuntap add mode tap name link0 || die "cannot make a tap device" ;;
    esac
    ip -n server address add $SERVER4/24 dev link0
    ip -n server address add $SERVER6/64 dev link0 nodad
    ip -n server link set link0 up
}

# in_server COMMAND...: run it in the server's network namespace (an array too, for spawn).
IN_SERVER=(nsenter --net=/run/netns/server --)
in_server() { "${IN_SERVER[@]}" "$@"; }
