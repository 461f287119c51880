# shellcheck shell=bash
# The button that looks at the server. The helper of this project answers, which the system bus starts.

# to_look_at GATEWAY [KEY=VALUE]...: a connection; its UUID.
to_look_at() {
    local gateway=$1 pair data; shift
    data="gateway=$gateway,user=$VPN_USER,password-flags=1,unknown=kept"
    for pair; do data+=",$pair"; done
    nmcli --terse connection add type vpn vpn-type sstp con-name work autoconnect no vpn.data "$data" >/dev/null ||
        fail "nmcli cannot add the connection"
    nmcli --terse --get-values connection.uuid connection show work
}
certificate() { openssl x509 -in "$1" -noout -fingerprint -sha256 | cut -d= -f2; }

# A server of an authority that is not known: its certificate is accepted by its fingerprint.
accepted_in_gtk3() {
    local uuid; uuid=$(to_look_at $SERVER_NAME) || fail "$uuid"
    OPEN=editor desktop nm-connection-editor --edit="$uuid"
    ui press "$GTK3 > push button:^Test" || fail "there is no button"
    ui wait 20 "$GTK3 > label:not issued by an authority" || fail "it is not said that nobody knows the authority"
    ui wait 2 "$GTK3 > label:$(certificate "$PKI/server.pem" | cut -c1-47)" || fail "the fingerprint is not shown"
    pictured gtk3-test
    ui press "$GTK3 > push button:^Accept only" || fail "the certificate cannot be accepted"
    ui wait 20 "$GTK3 > label:can be used" || fail "the certificate was not accepted"
    ui press "$GTK3 > push button:^Save"
    wait_for 10 grep -q ^gateway-fingerprint= "$(grep -lx id=work "$KEYFILES"/*)" || fail "the fingerprint is not stored"
    has work "gateway-fingerprint=$(certificate "$PKI/server.pem")" unknown=kept
    unharmed editor
    connects
}

# The authority's file is opened by the person who looks: the helper could not, and need not.
looked_at_in_gtk4() {
    local dialog="gnome-control-center/dialog:^work"
    install -m600 "$PKI/ca.pem" "$SCREEN_HOME/authority.pem"
    to_look_at $SERVER_NAME "ca-cert=$SCREEN_HOME/authority.pem" >/dev/null
    settings_open
    ui press "list:^VPN > push button:^Options"
    click "$dialog > label:^Identity" && ui press "$dialog > push button:est$" || fail "there is no button"
    ui wait 20 "$dialog > label:can be used" || fail "the server cannot be looked at"
    ui wait 2 "$dialog > label:MS-CHAPv2" || fail "it is not said how to log on"
    pictured gtk4-test
    ui type "$dialog > text:^Gateway:" $SERVER_NAME:444
    ui press "$dialog > push button:est$"
    ui wait 20 "$dialog > label:cannot be used" || fail "nobody listens there"
    ui type "$dialog > text:^Gateway:" "two words"
    ui press "$dialog > push button:est$"
    ui wait 5 "$dialog > label:only letters" || fail "it is not said what is wrong"
    unharmed settings
}

# Without the helper everything else works.
nobody_looks() {
    local uuid; uuid=$(to_look_at $SERVER_NAME) || fail "$uuid"
    rm /usr/share/dbus-1/system-services/org.sstpd.service
    bus ReloadConfig || fail "the bus has not read its configuration"
    local pid; pid=$(bus GetConnectionUnixProcessID string:org.sstpd 2>/dev/null | sed -n 's/.*uint32 //p')
    [ -z "$pid" ] || kill "$pid"
    OPEN=editor desktop nm-connection-editor --edit="$uuid"
    ui press "$GTK3 > push button:^Test"
    ui wait 10 "$GTK3 > label:not installed or not running" || fail "it is not said what is missing"
    unharmed editor
}
bus() {
    local method=$1; shift
    dbus-send --system --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus."$method" "$@"
}
