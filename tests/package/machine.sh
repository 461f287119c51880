# shellcheck shell=bash
# What a person does with the packages, in this order, on a machine that is new at the beginning.

machine_cases() { # SUITE
    run_case "$1: without the package, NetworkManager says that it is missing" unknown_type
    run_case "$1: apt installs, and NetworkManager knows the type without a restart" new_machine
    run_case "$1: a connection of network-manager-sstp" old_connection
    run_case "$1: nmcli adds, exports and imports" by_nmcli
    run_case "$1: sstpctl, its service and its policy" by_sstpctl
    run_case "$1: what pppd and sstpc had connected" migrated
    run_case "$1: the libraries find all that they need" libraries
    run_case "$1: programs on libnm load the editors and show them" editors
    run_case "$1: removed with tunnels up" removed
    run_case "$1: removal and purge leave nothing" nothing_left
    run_case "$1: an upgrade leaves tunnels up" upgraded
    run_case "$1: network-manager-sstp is replaced, and takes the place again" replaced
}

# With the kernel of the suite, and its AppArmor, which a container has not.
virtual_cases() { # SUITE
    run_case "$1 with its kernel: without the package, NetworkManager says that it is missing" unknown_type
    run_case "$1 with its kernel: apt installs, and NetworkManager knows the type without a restart" new_machine
    run_case "$1 with its kernel: a connection of network-manager-sstp" old_connection
    run_case "$1 with its kernel: a key on a token" key_on_token
    run_case "$1 with its kernel: a ticket for a proxy" ticket_for_proxy
    run_case "$1 with its kernel: sstpctl, its service and its policy" by_sstpctl
    run_case "$1 with its kernel: AppArmor's profile is in force" confined
    run_case "$1 with its kernel: programs on libnm load the editors and show them" editors
    run_case "$1 with its kernel: removed with tunnels up" removed
    run_case "$1 with its kernel: AppArmor has denied nothing" nothing_denied
}

unknown_type() {
    box_state >"$LAB_RUN/state"; box_named >"$LAB_RUN/named"
    networkmanager_pid >"$LAB_RUN/networkmanager"
    old_profile old $PORT_NM
    up old
    [ "$STATUS" != 0 ] || fail "it is connected"
    contains "$OUTPUT" "org.freedesktop.NetworkManager.sstp.* not installed" "nmcli"
}

new_machine() {
    apt update
    apt install /opt/packages/nm-sstp_*.deb /opt/packages/nm-sstp-gnome_*.deb
    connects old $PORT_NM
    [ "$(networkmanager_pid)" = "$(cat "$LAB_RUN/networkmanager")" ] || fail "NetworkManager was restarted"
    not in_box systemctl -q is-active nm-sstp.service || fail "the service was started"
}

old_connection() {
    local tunnel server
    server=$(tunnel_server $PORT_NM)
    up old; [ "$STATUS" = 0 ] || fail "nmcli exited with $STATUS: $OUTPUT"
    tunnel=$(tunnels)
    contains "$(in_box ip -4 address show dev "$tunnel")" "inet ${server%.*}\.[0-9]+( peer [0-9.]+)?/" "the address"
    contains "$(in_box ip -4 route show)" "^default .*dev $tunnel" "the routes"
    contains "$(in_box resolvectl --no-pager dns "$tunnel")" "${server%.*}.53" "the name servers"
    answers "$server" || fail "no answer through the tunnel"
    down old
}

by_nmcli() {
    local exported
    in_box nmcli connection add type vpn vpn-type sstp con-name new autoconnect no \
        vpn.data "gateway=$SERVER_NAME:$PORT_NM,user=$VPN_USER,ca-cert=/etc/ssl/certs/lab-ca.pem,password-flags=0" \
        vpn.secrets "password=$VPN_PASSWORD" >/dev/null || fail "nmcli connection add"
    connects new $PORT_NM
    exported=$(in_box nmcli connection export new) || fail "nmcli connection export"
    contains "$exported" "$SERVER_NAME:$PORT_NM" "what is exported"
    in_box nmcli connection delete new >/dev/null
    in_box install -m 600 /dev/stdin /root/exported <<<"$exported"
    in_box nmcli connection import type sstp file /root/exported >/dev/null || fail "nmcli connection import"
    contains "$(in_box nmcli --get-values vpn.data connection show new)" "gateway = $SERVER_NAME.?:$PORT_NM" "what was imported"
    in_box nmcli connection delete new >/dev/null && in_box rm /root/exported
}

by_sstpctl() {
    session work $PORT_SESSION
    contains "$(in_box pkaction)" "org.sstpd.connect-profile" "polkit's actions"
    in_box sstpctl disconnect work >/dev/null || fail "sstpctl disconnect"
    in_box systemctl -q enable --now nm-sstp@work.service || fail "systemctl enable --now nm-sstp@work"
    answers "$(tunnel_server $PORT_SESSION)" || fail "no answer through the session of the unit"
    in_box systemd-analyze verify --man=no nm-sstp.service nm-sstp@work.service || fail "systemd-analyze verify"
}

# Both processes of a connection of NetworkManager, and both of the service that has a session.
confined() {
    local processes
    contains "$(in_box cat /sys/kernel/security/apparmor/profiles)" '^nm-sstp-service \(enforce\)$' "the kernel's list"
    up old; [ "$STATUS" = 0 ] || fail "nmcli exited with $STATUS: $OUTPUT"
    in_box systemctl -q is-active nm-sstp@work.service || fail "the unit does not run"
    # shellcheck disable=SC2016 # for the shell there
    processes=$(in_box sh -c 'for process in /proc/[0-9]*; do
        [ "$(readlink "$process/exe")" != /usr/libexec/nm-sstp-service ] || cat "$process/attr/current"; done')
    [ "$(sort <<<"$processes" | uniq -c | xargs)" = "4 nm-sstp-service (enforce)" ] || fail "the processes are confined like this: $processes"
    down old
    nothing_denied
}
nothing_denied() {
    contains "$(in_box journalctl -q -k --no-pager -o cat)" "AppArmor" "the kernel's log"
    lacks "$(in_box journalctl -q -k --no-pager -o cat)" 'apparmor="DENIED".*nm-sstp' "the kernel's log"
}

# OpenSSL, its provider and the tokens' libraries are inside of the profile, and of what the service may open.
key_on_token() {
    # of SoftHSM, whose tokens are files, and of OpenSC, behind pcscd
    key_opens "pkcs11:token=lab;object=alice"
    key_opens "pkcs11:manufacturer=piv_II;id=%01"
    nothing_denied
}
key_opens() { # URI
    local setting settings=("ca-cert=/etc/ssl/certs/lab-ca.pem" connection-type=tls tls-identity=alice
        "tls-ca-cert=/etc/ssl/certs/lab-radius-ca.pem" "tls-user-cert=$1" "tls-user-key=$1") data
    printf -v data ',%s' "${settings[@]}"
    in_box nmcli connection add type vpn vpn-type sstp con-name card autoconnect no vpn.secrets "tls-user-key-secret=$PKI_PIN" \
        vpn.data "gateway=$SERVER_NAME:$PORT_EAP,user=alice$data" >/dev/null || fail "nmcli connection add"
    card_in_reader
    connects card $PORT_EAP
    in_box nmcli connection delete card >/dev/null
    for setting in routes=none "${settings[@]}"; do set -- "$@" --set "$setting"; done
    in_box sstpctl profile add card --gateway "$SERVER_NAME:$PORT_EAP" --user alice "${@:2}" >/dev/null || fail "sstpctl profile add"
    in_box install -D -m 600 /dev/stdin /etc/nm-sstp/secrets/card.toml <<<"tls-user-key-secret = \"$PKI_PIN\""
    card_in_reader
    OUTPUT=$(in_box sstpctl connect card 2>&1 </dev/null) || fail "sstpctl connect: $OUTPUT"
    answers "$(tunnel_server $PORT_EAP)" || fail "no answer through the tunnel of the service"
    in_box sstpctl disconnect card >/dev/null && in_box sstpctl profile remove card || fail "sstpctl disconnect"
}
# pcscd ends when nobody has asked for a while, and the card has to be there when somebody does.
card_in_reader() {
    in_box systemctl -q start pcscd.service && wait_for 30 card_is_in || fail "no card is in the reader: $(cat "$(log_of card)")"
}
card_is_in() { [ -n "$(in_server ss -Htn state established "dport = :$PORT_CARD")" ]; }

# By NetworkManager with root's own tickets and with a keytab, and by the service, as docs/proxies.md has it.
ticket_for_proxy() {
    local keytab=("Environment=KRB5_CLIENT_KTNAME=FILE:/etc/nm-sstp/proxy.keytab" "Environment=KRB5CCNAME=MEMORY:nm-sstp")
    in_box install -D -m 600 /dev/stdin /etc/nm-sstp/proxy.keytab <"$KERBEROS/client.keytab"
    in_box nmcli connection add type vpn vpn-type sstp con-name inside autoconnect no vpn.data \
        "gateway=$INSIDE_NAME,user=$VPN_USER,ca-cert=/etc/ssl/certs/lab-ca.pem,proxy-server=$PROXY_NAME,proxy-port=$PORT_NEGOTIATE,password-flags=0" \
        vpn.secrets "password=$VPN_PASSWORD" >/dev/null || fail "nmcli connection add"
    with_settings NetworkManager PrivateTmp=no
    in_box kinit -k -t /etc/nm-sstp/proxy.keytab $PRINCIPAL || fail "kinit"
    connects inside 443
    squid_says negotiate "TCP_TUNNEL/200 .* $PRINCIPAL@$REALM "
    in_box kdestroy
    with_settings NetworkManager "${keytab[@]}"
    connects inside 443
    in_box nmcli connection delete inside >/dev/null
    with_settings nm-sstp "${keytab[@]}"
    in_box sstpctl profile add inside --gateway $INSIDE_NAME --user "$VPN_USER" --set ca-cert=/etc/ssl/certs/lab-ca.pem --set routes=none \
        --set proxy-server=$PROXY_NAME --set proxy-port=$PORT_NEGOTIATE --password-stdin <<<"$VPN_PASSWORD" >/dev/null || fail "sstpctl profile add"
    in_box sstpctl connect inside </dev/null >/dev/null || fail "sstpctl connect"
    answers "$(tunnel_server 443)" || fail "no answer through the tunnel of the service"
    in_box sstpctl disconnect inside >/dev/null && in_box sstpctl profile remove inside || fail "sstpctl disconnect"
    nothing_denied
}
# with_settings UNIT SETTING...: it is started again with these.
with_settings() {
    in_box install -D -m 644 /dev/stdin "/etc/systemd/system/$1.service.d/lab.conf" <<<"$(printf '%s\n' '[Service]' "${@:2}")"
    in_box systemctl daemon-reload && in_box systemctl restart "$1.service" && wait_for 60 in_box nm-online -q -s -x || fail "$1 does not start again"
}

# The commands of docs/migrating.md.
migrated() {
    local tunnel
    in_box install -D -m 600 /dev/stdin /etc/ppp/peers/office <<PEERS
pty "sstpc --nolaunchpppd --ca-cert /etc/ssl/certs/lab-ca.pem $SERVER_NAME:$PORT_NM"
name $VPN_USER
usepeerdns
noauth
refuse-pap
PEERS
    in_box sstpctl profile import /etc/ppp/peers/office || fail "sstpctl profile import"
    in_box sstpctl profile edit office --password-stdin <<<"$VPN_PASSWORD" || fail "sstpctl profile edit"
    in_box sstpctl connect office || fail "sstpctl connect"
    tunnel=$(tunnel_server $PORT_NM)
    answers "$tunnel" || fail "no answer through the tunnel"
    contains "$(in_box ip route get 203.0.113.7)" "dev $BOX_LINK" "the way past the tunnel"     # without defaultroute
    in_box sstpctl disconnect office >/dev/null || fail "sstpctl disconnect"
    in_box systemctl -q enable --now nm-sstp@office || fail "systemctl enable --now nm-sstp@office"
    answers "$tunnel" || fail "no answer through the tunnel of the unit"
    in_box systemctl -q disable --now nm-sstp@office || fail "systemctl disable --now nm-sstp@office"
    in_box nmcli connection import type sstp file /etc/ppp/peers/office >/dev/null || fail "nmcli connection import"
    contains "$(in_box nmcli --get-values vpn.data connection show office)" "gateway = $SERVER_NAME" "what was imported"
    in_box nmcli connection delete office >/dev/null
    in_box rm -r /etc/ppp
}

libraries() {
    local library output
    for library in $(in_box dpkg -L nm-sstp nm-sstp-gnome | grep '\.so$') /usr/libexec/nm-sstp-service /usr/bin/sstpctl; do
        output=$(in_box ldd -r "$library" 2>&1) || fail "ldd $library: $output"
        lacks "$output" "not found|undefined symbol" "ldd $library"
    done
    contains "$(in_box sstpctl --version)" "$(version_of nm-sstp | sed 's/-.*//')" "sstpctl --version"
}

# On a screen outside, with the toolkits of the machine.
editors() {
    local toolkit output
    # shellcheck disable=SC2086 # a list
    apt install $EDITOR
    for toolkit in 3 4; do
        output=$(in_box env DISPLAY="$SCREEN" GDK_BACKEND=x11 GSK_RENDERER=cairo timeout 180 \
            python3 - $toolkit.0 <tests/package/editor.py 2>&1) || fail "GTK $toolkit: $output"
        say "$output"
        contains "$output" "^GTK $toolkit\..* is shown$" "what editor.py says"
        contains "$output" "^gateway=vpn.example.com:8443$" "the connection"
        contains "$output" "^user=alice$" "the connection"
        # GTK's own warnings are of what a desktop has, and this machine has not
        lacks "$output" "CRITICAL|GLib.*WARNING" "GTK $toolkit"
    done
}

# With a connection of NetworkManager, a session of sstpctl and one of a unit.
removed() {
    up old; [ "$STATUS" = 0 ] || fail "nmcli exited with $STATUS: $OUTPUT"
    in_box systemctl -q is-active nm-sstp@work.service || fail "the unit does not run"
    [ "$(tunnels | wc -l)" = 2 ] || fail "there are other tunnels than two: $(tunnels)"
    apt remove nm-sstp nm-sstp-gnome
    wait_for 10 no_tunnel || fail "a tunnel is left: $(tunnels)"
    wait_for 10 not helpers || fail "a process is left: $(helpers)"
    in_box test -e /etc/nm-sstp/profiles/work.toml || fail "removal has taken the profiles of sstpctl: that is for purge"
}

nothing_left() {
    local files
    apt purge nm-sstp nm-sstp-gnome
    leaves_nothing
    # a second time, now that what they depend on is there: not a file comes or goes
    files=$(box_files)
    apt install /opt/packages/nm-sstp_*.deb /opt/packages/nm-sstp-gnome_*.deb
    connects old $PORT_NM
    session work $PORT_SESSION
    in_box systemctl -q enable nm-sstp@work.service
    apt purge nm-sstp nm-sstp-gnome
    leaves_nothing
    diff <(say "$files") <(box_files) || fail "files have come or gone"
}
leaves_nothing() {
    wait_for 10 is_as_before || fail "something is left:
$(diff "$LAB_RUN/state" <(box_state))"
    diff "$LAB_RUN/named" <(box_named) || fail "something of our name is left"
}
is_as_before() { [ "$(box_state)" = "$(cat "$LAB_RUN/state")" ]; }

# A connection of NetworkManager and a session of sstpctl stay up and keep their processes; they can also be made again by
# these processes, whose program is not there any more. What is connected later has the new program.
upgraded() {
    local before nm session
    nm=$(tunnel_server $PORT_NM) session=$(tunnel_server $PORT_SESSION)
    ! installed nm-sstp || apt purge nm-sstp nm-sstp-gnome      # of a case that failed, or was left out
    earlier_packages || fail "the packages cannot be repacked"
    apt install /opt/earlier/nm-sstp_*.deb /opt/earlier/nm-sstp-gnome_*.deb
    [ "$(version_of nm-sstp)" = $EARLIER ] || fail "the version is $(version_of nm-sstp)"
    up old; [ "$STATUS" = 0 ] || fail "nmcli exited with $STATUS: $OUTPUT"
    session work $PORT_SESSION
    before=$(helpers)
    in_box ping -n -i .2 "$nm" >"$LAB_RUN/ping-nm" &
    in_box ping -n -i .2 "$session" >"$LAB_RUN/ping-session" &
    apt install /opt/packages/nm-sstp_*.deb /opt/packages/nm-sstp-gnome_*.deb
    [ "$(version_of nm-sstp)" != $EARLIER ] || fail "it was not upgraded"
    sleep 1; in_box pkill -INT -x ping; wait
    contains "$(cat "$LAB_RUN/ping-nm")" " 0% packet loss" "ping through NetworkManager's tunnel"
    contains "$(cat "$LAB_RUN/ping-session")" " 0% packet loss" "ping through the session"
    [ "$(helpers)" = "$before" ] || fail "the processes are others"
    contains "$(programs)" "deleted" "the programs that run"
    reap server-session; server_up server-session $PORT_SESSION
    wait_for 30 answers "$session" || fail "the session does not come back"
    in_box sstpctl disconnect work >/dev/null || fail "sstpctl disconnect"
    down old
    wait_for 10 not in_box pgrep -f 'nm-sstp-service --bus-name' || fail "the process of the connection is left"
    in_box systemctl stop nm-sstp.service       # which it does itself after a minute
    connects old $PORT_NM
    session work $PORT_SESSION
    lacks "$(programs)" "deleted" "the programs that run"
    apt purge nm-sstp nm-sstp-gnome
    leaves_nothing
}
programs() { local pid; for pid in $(helpers); do in_box readlink "/proc/$pid/exe"; done; }

replaced() {
    local package profile
    # shellcheck disable=SC2086 # lists
    apt install $STOCK
    profile=$(in_box sha256sum "$PROFILES/old.nmconnection")
    apt install /opt/packages/nm-sstp_*.deb /opt/packages/nm-sstp-gnome_*.deb
    for package in $STOCK; do not installed "$package" || fail "$package is still installed"; done
    connects old $PORT_NM
    [ "$profile" = "$(in_box sha256sum "$PROFILES/old.nmconnection")" ] || fail "the profile is another"
    # shellcheck disable=SC2086
    apt install $STOCK
    for package in $OURS; do not installed "$package" || fail "$package is still installed"; done
    contains "$(in_box sh -c 'dpkg -S $(sed -n s/^program=//p /usr/lib/NetworkManager/VPN/nm-sstp-service.name)')" \
        "^network-manager-sstp: " "whose program it is"
}
