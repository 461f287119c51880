# shellcheck shell=bash
# Ends that nobody wished for.

ending_cases() {
    local phase
    helper_case "the server is killed" server_killed
    helper_case "the helper is killed when connected" helper_killed
    helper_case "the helper is killed with a kill switch" helper_killed_blocked
    helper_case "the helper is killed while connecting" helper_killed_connecting
    helper_case "the service is stopped" service_stopped
    helper_case "sstpctl is interrupted while connecting" interrupted
    helper_case "ten sessions one after the other" ten_sessions
    helper_case "a rule of somebody else stays" foreign_rule
}

server_killed() {
    server_up server-killed $PORT_KILLED
    store_profile part $PORT_KILLED
    connect part; connected_by
    reap server-killed KILL
    soon shows '"state":"reconnecting"'
    contains "$(ctl status)" "reconnecting" "sstpctl status"
    goes_by "$(box_tunnel)" 203.0.113.7 || fail "what belongs into the tunnel goes beside it"
    # what is no use is not tried again
    server_up server-killed $PORT_KILLED --user "$VPN_USER:another"
    soon shows '"state":"failed"'
    contains "$(ctl status)" "refused user name or password" "sstpctl status"
    soon goes_by $BOX_LINK 203.0.113.7
    [ -z "$(box_tunnel)" ] || fail "the device is still there"
    ctl disconnect part >/dev/null 2>&1
    reap server-killed KILL
    ctl profile remove part >/dev/null
}

# systemd starts it again, and it takes back what the one before has left.
kill_helper() { in_box kill -KILL "$(helper_pid)"; }
helper_killed() {
    connect learn; connected_by
    kill_helper
    within 15 box_is_clean
    connect learn; connected_by
    disconnect learn
}
helper_killed_blocked() {
    store_profile part $PORT_LEARN kill-switch=yes
    connect part; connected_by
    kill_helper
    within 15 box_is_clean
    ctl profile remove part >/dev/null
}
helper_killed_connecting() {
    local connecting
    store_profile silent $PORT_SILENT
    ctl connect silent >/dev/null 2>&1 & connecting=$!
    soon shows '"phase":"link-establishment"'
    kill_helper
    wait $connecting 2>/dev/null && fail "sstpctl says that it is connected"
    within 15 box_is_clean
    ctl profile remove silent >/dev/null
}

service_stopped() {
    connect learn; connected_by
    in_box systemctl stop nm-sstp.service || fail "systemctl stop"
    box_is_clean || fail "something is left when it has stopped:
$(diff <(say "$CLEAN_BOX") <(box_machine))"
    contains "$(helper_log)" "Disconnected" "the log"
}

interrupted() {
    local connecting
    store_profile silent $PORT_SILENT
    ctl connect silent >/dev/null 2>&1 & connecting=$!
    soon shows '"phase":"link-establishment"'
    in_box pkill -INT -x sstpctl
    wait $connecting; [ $? = 10 ] || fail "sstpctl does not say that it was interrupted"
    soon not shows '"phase"'
    ctl profile remove silent >/dev/null
}

ten_sessions() {
    local count
    for count in 1 2 3 4 5 6 7 8 9 10; do
        connect learn; connected_by
        answers "$LEARN4.1" || fail "no answer through tunnel $count"
        disconnect learn
    done
    soon box_is_clean
}

foreign_rule() {
    in_box ip rule add to 198.51.100.7 lookup 252 priority 29441
    in_box ip route add 198.51.100.7 dev $BOX_LINK table 252
    connect learn; connected_by
    kill_helper
    within 15 not pgrep -x nothing
    soon not box_tunnel_is_there
    connect learn; connected_by; disconnect learn
    contains "$(in_box ip rule show)" "29441:.*198.51.100.7" "the rules"
    in_box ip rule delete priority 29441; in_box ip route flush table 252
}
box_tunnel_is_there() { [ -n "$(box_tunnel)" ]; }
