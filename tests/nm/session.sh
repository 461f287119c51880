# shellcheck shell=bash
# What a session can be told, a server that falls silent, and what is told of it all.

# Settings of the tunnel itself; each shows on the machine or at the server.
told_about_the_tunnel() {
    local server; server=$(tunnel_server 443)
    profile vpn interface=office mtu=1300 mru=1400 ipv4-address="${server%.*}.2" log-level=trace; store vpn
    up vpn; succeeded; connected
    [ "$(tunnel)" = office ] || fail "the interface is called $(tunnel)"
    contains "$(ip link show office)" "mtu 1300" "the interface"
    contains "$(new_log)" "sent LCP Configure-Request id [0-9]+, MRU 1400, " "the log"
    contains "$(new_log)" "sent IPCP Configure-Request id [0-9]+, IP-Address ${server%.*}\.2, " "the log"
    contains "$(new_log)" "received CHAP Success id [0-9]+, [0-9]+ octets" "the log"
    down vpn
    wait_for 5 is_logged "sent SSTP_MSG_CALL_DISCONNECT, status 0" || fail "the log does not say that it was ended"
}

out_of_time() {
    profile vpn gateway=$SERVER_NAME:$PORT_SILENT connect-timeout=2; store vpn
    up vpn; refused "$REASON_CONNECT" "was not up within 2 s, as its setting connect-timeout wants"
}

# Nothing of what the server sends arrives any more, and there is something to send.
blackholed() {
    local began
    profile vpn; store vpn
    up vpn; succeeded; connected
    began=$EPOCHREALTIME
    ip -n server route add blackhole "$CLIENT4/32" || fail "the way back cannot be cut"
    spawn pings ping -n -i 0.5 "$(tunnel_server 443)"
    wait_for 22 inactive vpn; local found=$? after; after=$(since "$began")
    ip -n server route del blackhole "$CLIENT4/32"
    reap pings
    [ $found = 0 ] || fail "the connection is still active after $after ms"
    contains "$(new_log)" "was lost: the server has not answered for 1[0-9] s" "the log"
    [ "$after" -gt 10000 ] || fail "it was given up after $after ms already"
}

captured() {
    local file=/var/log/nm-sstp/case.pcapng decoded
    profile vpn capture=case.pcapng; store vpn
    up vpn; succeeded; connected
    contains "$(new_log)" "captured in $file, secrets blanked" "the log"
    down vpn
    [ "$(stat -c '%a %u' $file)" = "600 0" ] && [ "$(stat -c '%a %u' /var/log/nm-sstp)" = "700 0" ] ||
        fail "others get at the capture: $(ls -la /var/log/nm-sstp)"
    decoded=$(tshark -r $file -T fields -e frame.protocols 2>/dev/null) || fail "tshark cannot read it"
    for layer in sstp sstp:ppp:lcp sstp:ppp:chap sstp:ppp:ipcp sstp:ppp:ip:icmp; do
        contains "$decoded" "^exported_pdu:$layer" "what tshark sees"
    done
    [ "$(grep -c malformed <<<"$decoded")" = 0 ] || fail "tshark finds something malformed: $decoded"
    contains "$(tshark -r $file 2>/dev/null)" "SSTP_MSG_CALL_CONNECTED" "what tshark sees"
    ! grep -q "$VPN_USER" $file || fail "the user's name is in the capture"
}
