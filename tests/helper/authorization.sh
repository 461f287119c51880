# shellcheck shell=bash
# Who may do what, as a real polkitd decides it.

authorization_cases() {
    helper_case "polkit allows" allowed
    helper_case "polkit refuses" refused_by_polkit
    helper_case "polkit asks, and the right password is typed" asked_by_polkit
    helper_case "a session of another user" of_another
    helper_case "a caller who vanishes while a question waits" vanished
    helper_case "a caller who does not read" deaf_caller
}

CONNECT_LEARN=(connect --gateway "$SERVER_NAME:450" --user "$VPN_USER" --set ca-cert=/etc/ssl/certs/lab-ca.pem --password-stdin)

allowed() {
    OUTPUT=$(as alice sstpctl connect learn 2>&1); STATUS=$?; connected_by
    answers "$LEARN4.1" || fail "no answer through the tunnel"
    as alice sstpctl disconnect learn >/dev/null || fail "alice cannot disconnect her own"
}

refused_by_polkit() {
    local output status
    output=$(as bob sstpctl "${CONNECT_LEARN[@]}" --no-ask <<<"$VPN_PASSWORD" 2>&1); status=$?
    [ $status = 4 ] || fail "sstpctl exited with $status: $output"
    output=$(as bob sstpctl connect learn --no-ask 2>&1 </dev/null); status=$?
    [ $status = 4 ] || fail "a stored profile: sstpctl exited with $status: $output"
    output=$(as alice sstpctl profile remove learn 2>&1 </dev/null); status=$?
    [ $status = 4 ] || fail "alice may remove a profile: $status: $output"
    contains "$(ctl list)" "learn" "sstpctl list"
}

# bob has to be an administrator for a stored profile: in a session of his, polkit's agent asks for root's password.
asked_by_polkit() {
    local output
    output=$({ sleep 3; say kingdom; sleep 5; } | script -qec "$(declare -f in_box box_pid pid_of as); LAB_RUN=$LAB_RUN; in_box su -l --session-command='sstpctl connect learn' bob" /dev/null 2>&1)
    contains "$output" "AUTHENTICATION COMPLETE" "the agent"
    soon shows '"state":"connected"'
    disconnect --all
}

of_another() {
    local output status
    connect learn; connected_by
    output=$(as bob sstpctl status --json 2>&1)
    lacks "$output" "$LEARN4" "what bob sees"
    output=$(as bob busctl call org.sstpd /org/sstpd org.freedesktop.DBus.ObjectManager GetManagedObjects 2>&1)
    lacks "$output" "$LEARN4|$SERVER_NAME" "what bob sees on the bus"
    output=$(as bob sstpctl disconnect learn 2>&1 </dev/null); status=$?
    [ $status = 4 ] || fail "bob disconnects root's session: $status: $output"
    answers "$LEARN4.1" || fail "the tunnel is gone"
    disconnect learn
}

vanished() {
    local asking
    store_profile ask $PORT_LEARN
    in_box rm -f /etc/nm-sstp/secrets/ask.toml
    script -qec "$(declare -f in_box box_pid pid_of); LAB_RUN=$LAB_RUN; in_box su -l --session-command='sstpctl connect ask' alice" \
        /dev/null >/dev/null < <(sleep 20) & asking=$!
    soon shows '"state":"asking"'
    in_box pkill -KILL -x -u alice sstpctl
    kill $asking 2>/dev/null; wait $asking 2>/dev/null
    soon not shows '"state":"asking"'
    contains "$(helper_log)" "left|nobody" "the log"
    ctl profile remove ask >/dev/null
}

# Somebody who calls and calls and never reads an answer: the tunnel goes on.
deaf_caller() {
    local deaf
    connect learn; connected_by
    as bob sh -c 'for i in 1 2 3 4 5 6 7 8; do (while :; do busctl --timeout=1 call org.sstpd /org/sstpd org.sstpd.Manager1 Profiles; done) & done; wait' \
        >/dev/null 2>&1 & deaf=$!
    sleep 2
    in_box ping -n -q -c 20 -i 0.05 -W 1 "$LEARN4.1" >/dev/null || fail "the tunnel stalls"
    shows '"state":"connected"' || fail "the helper does not answer"
    in_box pkill -KILL -u bob
    wait $deaf 2>/dev/null
    disconnect learn
}
