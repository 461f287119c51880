# shellcheck shell=bash
# radvd behind a test server: the router of the network that the tunnel leads to.

# radvd_up DEVICE WHAT=VALUE...: advertise on a server's TUN device, in the place of what was advertised before. WHAT is
#   prefix=PREFIX[,VALID[,PREFERRED]]   to form addresses of, with lifetimes in seconds; 600 and half of VALID by default
#   route=PREFIX[,LIFETIME]             more that is reached this way (RFC 4191)
#   rdnss=ADDRESS[,LIFETIME]  dnssl=NAME[,LIFETIME]     (RFC 8106)
#   mtu=OCTETS
#   lifetime=SECONDS                    of the default route: 12 by default; 0: there is none
#   other=yes                           DHCPv6 knows the rest
# It answers solicitations at once; unasked, it advertises every 3 or 4 seconds, which is as often as it can.
radvd_up() {
    local device=$1 conf=$LAB_RUN/radvd-$1.conf log; shift
    log=$(log_of "radvd-$device")
    radvd_down "$device" KILL
    in_server sysctl -qw net.ipv6.conf.all.forwarding=1 && radvd_conf "$device" "$@" >"$conf" || die "cannot configure radvd"
    spawn "radvd-$device" "${IN_SERVER[@]}" radvd --nodaemon --debug 3 --logmethod stderr --config "$conf" --pidfile "$conf.pid"
    # it hears its own first advertisement
    wait_for 5 grep -qF '(myself)' "$log" || die "radvd does not start: $(cat "$log")"
}

# radvd_down DEVICE [SIGNAL]: it takes back the default route when it ends, but not by KILL.
radvd_down() { reap "radvd-$1" "${2:-TERM}"; }

radvd_conf() { # DEVICE WHAT=VALUE...
    local what value first second third
    say "interface $1 {"; shift
    say "AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvSourceLLAddress off;"
    for what; do
        value=${what#*=}
        IFS=, read -r first second third <<<"$value"
        second=${second:-600}
        case $what in
        prefix=*) say "prefix $first { AdvValidLifetime $second; AdvPreferredLifetime ${third:-$((second / 2))}; };" ;;
        route=*) say "route $first { AdvRouteLifetime $second; };" ;;
        rdnss=*) say "RDNSS $first { AdvRDNSSLifetime $second; };" ;;
        dnssl=*) say "DNSSL $first { AdvDNSSLLifetime $second; };" ;;
        mtu=*) say "AdvLinkMTU $value;" ;;
        lifetime=*) say "AdvDefaultLifetime $value;" ;;
        other=yes) say "AdvOtherConfigFlag on;" ;;
        *) die "radvd_up does not know '$what'" ;;
        esac
    done
    say "};"
}
