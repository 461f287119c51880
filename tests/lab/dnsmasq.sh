# shellcheck shell=bash
# dnsmasq: the DHCP and DNS server of the network that a tunnel leads to, on the TUN device of a test server.

# dnsmasq_up DEVICE OPTION...: serve on a device in the server's namespace, in the place of what was served before. The
# options are dnsmasq's own, without --. It gives no addresses, PPP does that: it answers DHCPINFORM and, where the device
# has an IPv6 address besides the link-local one, the Information-Request of DHCPv6, with what dhcp-option says. Router
# advertisements are left to radvd. DNS is served on each address of the device.
dnsmasq_up() {
    local device=$1 conf=$LAB_RUN/dnsmasq-$1.conf log; shift
    log=$(log_of "dnsmasq-$device")
    dnsmasq_down "$device"
    dnsmasq_conf "$device" "$@" >"$conf" || die "cannot configure dnsmasq"
    spawn "dnsmasq-$device" "${IN_SERVER[@]}" dnsmasq --keep-in-foreground --log-facility=- --conf-file="$conf" --pid-file="$conf.pid"
    wait_for 5 grep -q ': started' "$log" || die "dnsmasq does not start: $(cat "$log")"
}
dnsmasq_down() { reap "dnsmasq-$1"; }

dnsmasq_conf() { # DEVICE OPTION...
    local device=$1 address; shift
    # It answers DHCP for the networks that it has a range in; `static` makes that an empty one.
    for address in $(in_server ip -o address show dev "$device" scope global | awk '{ print $4 }'); do
        case $address in
        */32 | */128) ;;
        *:*) say "dhcp-range=${address%/*},static,${address#*/}" ;;
        *) say "dhcp-range=${address%/*},static" ;;
        esac
    done
    printf '%s\n' "interface=$device" except-interface=lo bind-interfaces no-resolv no-hosts no-poll \
        user=root leasefile-ro log-dhcp log-queries "$@"
}
