# shellcheck shell=bash
# Words for the cases: the servers, profiles, what a session looks like from the container, and what must be left of it.

PORT_LEARN=450 PORT_SECOND=451 PORT_SILENT=452 PORT_KILLED=453 PORT_EAP=454
LEARN_DEVICE=sstp$PORT_LEARN
LEARN4=$(tunnel_server $PORT_LEARN) LEARN4=${LEARN4%.*}     # 10.99.194
LEARN6=fd99:450:
IPCP_DNS=$LEARN4.53 DHCP_DNS=$LEARN4.54 LEARN_DNS6=${LEARN6}:53
CORP_HOST=host.corp.lab.test
OUTSIDE=outside.lab.test OUTSIDE4=192.0.2.99

helper_servers_up() {
    local address
    server_up server-learn $PORT_LEARN --ipv6-address ${LEARN6}:1/64 --dns "$IPCP_DNS"
    for address in "$IPCP_DNS/32" "$DHCP_DNS/32" $LEARN_DNS6/128; do
        in_server ip address add "$address" dev $LEARN_DEVICE || die "cannot give $address to $LEARN_DEVICE"
    done
    dhcp_tells
    radvd_up $LEARN_DEVICE prefix=${LEARN6}:/64 rdnss=$LEARN_DNS6 dnssl=six.lab.test route=fd99:9::/48 lifetime=1800
    server_up server-second $PORT_SECOND
    server_up server-eap $PORT_EAP --auth eap --radius "$RADIUS13" --radius-secret "$RADIUS_SECRET"
    server_up server-silent $PORT_SILENT --misbehave silent-in-lcp
    # names beside the tunnel
    spawn dnsmasq-outside "${IN_SERVER[@]}" dnsmasq --keep-in-foreground --log-facility=- --conf-file=/dev/null \
        --pid-file=$LAB_RUN/dnsmasq-outside.pid --interface=link0 --except-interface=lo --bind-interfaces --no-resolv --no-hosts \
        --user=root --host-record=$OUTSIDE,$OUTSIDE4 --host-record=$SERVER_NAME,$SERVER4
}
dhcp_tells() { # OPTION...
    dnsmasq_up $LEARN_DEVICE dhcp-option=6,"$DHCP_DNS" dhcp-option=15,corp.lab.test dhcp-option=119,corp.lab.test,eng.lab.test \
        dhcp-option=44,"$LEARN4.9" host-record=$CORP_HOST,"$LEARN4.1" "$@"
}
two_routes() { dhcp_tells dhcp-option=121,10.55.0.0/16,"$LEARN4.1" dhcp-option=249,10.56.0.0/16,"$LEARN4.1"; }

# The people of the container, for box_up: alice may connect, bob may nothing, root has a password; the authority of the
# servers lies where the helper may read it.
box_with_people() { # ROOT
    chroot "$1" useradd -m alice && chroot "$1" useradd -m bob && chroot "$1" chpasswd <<<'root:kingdom' || return 1
    install -D -m 644 "$PKI/ca.pem" "$1/etc/ssl/certs/lab-ca.pem"
    cat >"$1/etc/polkit-1/rules.d/50-lab.rules" <<'RULES'
polkit.addRule(function(action, subject) {
    if (subject.user == "alice" && action.id.indexOf("org.sstpd.connect-") == 0) return polkit.Result.YES;
    if (subject.user == "bob" && action.id == "org.sstpd.connect-settings") return polkit.Result.NO;
});
RULES
    sed -i "/$SERVER_NAME/d" "$1/etc/hosts" && say "$SERVER4 $SERVER_NAME" >>"$1/etc/hosts"
}

# Before the cases: the uplink's name server, the profiles, and what the machine looks like.
helper_ready() {
    in_box resolvectl dns $BOX_LINK $SERVER4 2>/dev/null && in_box resolvectl domain $BOX_LINK '~.' 2>/dev/null
    store_profile learn $PORT_LEARN
    store_profile second $PORT_SECOND
    in_box systemctl stop nm-sstp.service
    # the kernel makes it when the link has a carrier, which may be a moment later
    wait_for 5 uplink_has_link_local || die "$BOX_LINK gets no link-local address"
    CLEAN_BOX=$(box_machine)
}

# store_profile NAME PORT [KEY=VALUE]...: by sstpctl, with the password.
store_profile() {
    local name=$1 port=$2 pair set=(); shift 2
    for pair; do set+=(--set "$pair"); done
    ctl profile remove "$name" >/dev/null 2>&1
    ctl profile add "$name" --gateway "$SERVER_NAME:$port" --user "$VPN_USER" --set ca-cert=/etc/ssl/certs/lab-ca.pem \
        "${set[@]}" --password-stdin <<<"$VPN_PASSWORD" >/dev/null || fail "sstpctl profile add $name"
}

uplink_has_link_local() { in_box ip -6 address show dev $BOX_LINK scope link | grep -q inet6; }

ctl() { in_box sstpctl "$@"; }
# as USER COMMAND...: as another user of the container.
as() { local user=$1; shift; in_box setpriv --reuid "$user" --regid "$user" --init-groups env HOME="/home/$user" "$@"; }

# connect ARGUMENT...: sets OUTPUT and STATUS.
connect() { OUTPUT=$(in_box timeout 60 sstpctl connect "$@" 2>&1 </dev/null); STATUS=$?; }
connected_by() { [ "$STATUS" = 0 ] || fail "sstpctl exited with $STATUS: $OUTPUT"; }
disconnect() { ctl disconnect "$@" >/dev/null || fail "sstpctl disconnect $*"; }

# soon COMMAND...: it comes true in a moment.
soon() { within 8 "$@"; }
within() { wait_for "$1" "${@:2}" || fail "not within $1 s: ${*:2}
$(box_state)"; }
not() { ! "$@"; }
box_state() { ctl status; box_machine; in_box cat /etc/resolv.conf; in_box resolvectl --no-pager status; } 2>&1

box_tunnel() { in_box ip -o link show type tun | sed -n 's/^[0-9]*: \([^:@]*\).*/\1/p' | head -1; }
# goes_by DEVICE ADDRESS: the kernel would send it there.
goes_by() { in_box ip route get "$2" 2>/dev/null | head -1 | grep -q "dev $1 "; }
# reaches ADDRESS: it answers, whichever way leads there.
answers() { in_box ping -n -c 1 -W 2 "$1" >/dev/null; }
looks_up() { [ "$(in_box getent ahostsv4 "$1" | awk 'NR == 1 { print $1 }')" = "$2" ]; }
shows() { ctl status --json | tr -d ' \n' | grep -Eq -- "$1"; }         # PATTERN

# Everything that a session changes on the machine, as text.
box_machine() {
    in_box ip -o link show | sed 's/^[0-9]*: \([^:]*\):.*/link \1/'
    in_box ip -o address show | awk '{ print "address", $2, $3, $4 }'
    in_box ip -4 route show table all; in_box ip -6 route show table all; in_box ip rule show; in_box ip -6 rule show
    in_box grep -v '^#' /etc/resolv.conf
    in_box resolvectl --no-pager dns 2>/dev/null; in_box resolvectl --no-pager domain 2>/dev/null
    in_box find /run/nm-sstp -type f -size +2c
}
box_is_clean() { [ "$(box_machine)" = "$CLEAN_BOX" ]; }
helper_is_gone() { not in_box systemctl -q is-active nm-sstp.service; }
helper_pid() { in_box systemctl show -P MainPID nm-sstp.service; }

helper_log() { in_box journalctl -q --no-pager -o cat -t nm-sstp-service -n "${1-40}"; }
case_logs() {
    helper_log 40
    find "$LAB_RUN/log" -name 'server*.log' -newer "$LAB_RUN/case" -exec tail -n 8 {} +
}

# helper_case NAME FUNCTION [ARGUMENT]...: a case that must leave the machine as it was.
helper_case() {
    touch "$LAB_RUN/case"
    run_case "$1" clean_case "${@:2}"
    ctl disconnect --all >/dev/null 2>&1
    wait_for 5 box_is_clean || true
}
resolver_case() { helper_case "$@"; }
clean_case() {
    "$@" || return 1
    wait_for 10 box_is_clean || fail "something is left:
$(diff <(say "$CLEAN_BOX") <(box_machine))"
}
