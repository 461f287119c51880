# shellcheck shell=bash
# Up and down, with the password from each place that nmcli can take it from.

stored_secret() {
    profile vpn; store vpn
    up vpn; succeeded; connected
    contains "$(nmcli --terse --fields NAME,STATE connection show --active)" '^vpn:activated$' "the active connections"
    down vpn
    contains "$(new_log)" 'sstp' "the log"
}

passwd_file() {
    profile vpn
    up_with_file vpn $VPN_PASSWORD; succeeded; connected
    down vpn
}

asked() {
    profile vpn
    OUTPUT=$(timeout 100 nmcli --ask --wait 90 connection up vpn 2>&1 <<<$VPN_PASSWORD); STATUS=$?
    succeeded; connected
    contains "$OUTPUT" '[Pp]assword' "nmcli's prompt"
    down vpn
}

asked_for_the_user_name() {
    profile vpn
    nmcli connection modify vpn -vpn.data user || fail "nmcli cannot take the user name away"
    OUTPUT=$(timeout 100 nmcli --ask --wait 90 connection up vpn 2>&1 <<<"$VPN_USER"$'\n'"$VPN_PASSWORD"); STATUS=$?
    succeeded; connected
    contains "$OUTPUT" 'User name' "nmcli's prompt"
    down vpn
    # It was kept, and the password was not.
    up_with_file vpn $VPN_PASSWORD; succeeded; connected
    down vpn
}

no_secret() {
    profile vpn
    up vpn; refused 'No valid secrets|secrets were required'
}

wrong_password() {
    profile vpn
    up_with_file vpn not-$VPN_PASSWORD; refused 'Invalid secrets|secrets' "password"
    store vpn not-$VPN_PASSWORD
    up vpn; refused 'Invalid secrets|secrets' "password"
}

# Each way to authenticate, by leaving the client no other.
method() { # REFUSED-KEYS...
    local key keys=()
    for key; do keys+=("refuse-$key=yes"); done
    profile vpn "${keys[@]}"; store vpn
    up vpn; succeeded; connected
    down vpn
}

# A whole connection with everything logged: no password, no hash of it, nothing as long as a key.
silent_log() {
    local log keys
    nmcli general logging level TRACE domains ALL,VPN_PLUGIN:TRACE
    profile vpn; store vpn
    up vpn; succeeded; connected
    down vpn
    nmcli general logging level INFO domains ALL,VPN_PLUGIN:DEBUG
    log=$(new_log; cat "$(log_of dbus-daemon)" "$(log_of polkitd)")
    contains "$log" 'nm-sstp|nm_sstp' "the log"             # or the search would find nothing for the wrong reason
    ! grep -qF $VPN_PASSWORD <<<"$log" || fail "the password is in the log: $(grep -F $VPN_PASSWORD <<<"$log")"
    lacks "$log" "$(octets_pattern "$(printf %s $VPN_PASSWORD | iconv -t utf-16le | od -An -v -tx1)")" "the log (UTF-16 password)"
    lacks "$log" "$(octets_pattern "$(printf %s $VPN_PASSWORD | od -An -v -tx1)")" "the log (octets of the password)"
    lacks "$log" "$(octets_pattern "$(sed 's/../ &/g' <<<$VPN_NT_HASH)")" "the log (NT hash)"
    # MasterKey, the send and receive keys, HLAK and CMK have 16 or 32 octets: nothing of that length may show.
    keys=$(grep -E '(nm-sstp|nm_sstp)' <<<"$log" | grep -Eio '\b([0-9a-f]{2}[ :,]?){16,}\b|\[([0-9]{1,3}, ){15,}')
    [ -z "$keys" ] || fail "these look like keys: $keys"
}
