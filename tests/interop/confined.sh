# shellcheck shell=bash
# The virtual machine's kernel has AppArmor, which this machine's need not have: the service, and what NetworkManager starts,
# under the profile, enforced.

# The profile in the kernel's own form, and the plugin as NetworkManager knows it, where vm/client and vm/networkmanager find
# them.
apparmor_ready() {
    local profile=$LAB_RUN/profile
    sed 's|@PREFIX@|/opt|; s|@LIBEXECDIR@|bin|' packaging/apparmor/nm-sstp-service.in >"$profile"
    apparmor_parser --skip-kernel-load --skip-cache --quiet --kernel-features /etc/apparmor.d/abi/3.0 \
        --ofile "$LAB_RUN/stage/opt/interop/apparmor" "$profile" || die "the profile cannot be compiled"
    sed 's|@PREFIX@|/opt|; s|@LIBEXECDIR@|bin|' data/nm-sstp-service.name.in >"$LAB_RUN/stage/opt/interop/nm-sstp-service.name"
}

confined() {
    all_confined 2
    vm_run "/opt/bin/sstpctl probe $SERVER_NAME:$PORT_SLEEP --set ca-cert=/etc/ssl/certs/lab-ca.pem" || fail "no look at the server"
    nothing_denied
    # the profile itself, without what the service gives up beside it: what it reads, and what it neither reads nor writes
    vm_run "mkdir -p /etc/ppp; cp /etc/ssl/certs/lab-ca.pem /etc/ppp/chap-secrets"
    contains "$(under_it cat /etc/ssl/certs/lab-ca.pem)" "BEGIN CERTIFICATE" "an authority's certificate"
    contains "$(under_it cat /etc/ppp/chap-secrets)" "Permission denied" "the passwords of another VPN"
    contains "$(under_it cp /etc/hosts /etc/hosts.new)" "Permission denied" "a file in a place that is only read"
}

# all_confined LEAST: all processes of the program are, of which there are at least so many.
all_confined() {
    local processes
    processes=$(vm_run 'for process in /proc/[0-9]*; do
        [ "$(readlink "$process/exe")" != /opt/bin/nm-sstp-service ] || cat "$process/attr/current"; done')
    lacks "$processes" "^unconfined|complain" "the confinement of the processes"
    [ "$(grep -cx 'nm-sstp-service (enforce)' <<<"$processes")" -ge "$1" ] || fail "fewer processes than $1 are confined: $processes"
}
nothing_denied() {
    local denied
    denied=$(vm_run "dmesg | grep 'apparmor=\"DENIED\"'")
    [ -z "$denied" ] || fail "$denied"
}

# under_it APPLET ARGUMENT...: busybox as if it were the service.
under_it() { vm_run "echo 'exec nm-sstp-service' >/proc/self/attr/exec && exec /bin/busybox $* 2>&1"; }

# What NetworkManager starts is root without a unit's restrictions, until a tunnel is up, and reads what people name.
networkmanager_confined() {
    local log=/run/networkmanager.log place
    server_up server-sleep $PORT_SLEEP
    vm_run "sh /opt/interop/networkmanager http://$VM_GATEWAY:8000 $VM_ADDRESS $VM_GATEWAY" || fail "NetworkManager does not start: $(vm_run "tail $log")"
    vm_run "for place in /etc/ssl/private /etc/NetworkManager/certs /home/alice/certs /etc/ppp/certs /opt/company; do
        mkdir -p \$place && cp /opt/interop/ca.pem /opt/interop/alice.* \$place; done
        echo alice:x:1000:1000::/home/alice:/bin/sh >>/etc/passwd
        chmod 700 /home/alice && chown -R 1000:1000 /home/alice"
    # a password that is stored, a capture, routes and name servers
    vm_profile stored "password-flags=0,ca-cert=/etc/NetworkManager/certs/ca.pem,capture=seen" vpn.secrets "password=$VPN_PASSWORD"
    vm_run "nmcli --wait 60 connection up stored" || fail "no connection: $(vm_run "tail $log")"
    all_confined 3       # the service, which has no tunnel, and two
    vm_run "ping -c 1 -W 3 $SLEEP4" || fail "no answer from $SLEEP4 through the tunnel"
    contains "$(vm_run "cat /etc/resolv.conf")" "${SLEEP4%.*}.53" "resolv.conf"
    # the server goes and comes back
    reap server-sleep KILL; server_up server-sleep $PORT_SLEEP
    wait_for 40 vm_run "grep -q 'connection was lost' $log && ping -c 1 -W 1 $SLEEP4" || fail "the connection does not come back"
    vm_run "nmcli --wait 30 connection down stored" || fail "nmcli connection down"
    [ "$(vm_run "wc -c </var/log/nm-sstp/seen")" -gt 1000 ] || fail "nothing was captured"
    # one that is asked for, and a profile that is a user's
    vm_profile asked "password-flags=2,ca-cert=/home/alice/certs/ca.pem" connection.permissions user:alice
    vm_run "echo '$VPN_PASSWORD' | nmcli --wait 60 --ask connection up asked" || fail "no connection: $(vm_run "tail $log")"
    vm_run "nmcli --wait 30 connection down asked" || fail "nmcli connection down"
    # certificates and keys in places where people have them; this server then wants a password
    for place in /etc/ssl/private /etc/NetworkManager/certs /home/alice/certs /etc/ppp/certs /opt/company; do
        vm_profile files "connection-type=tls,ca-cert=/etc/ssl/certs/lab-ca.pem,tls-ca-cert=$place/ca.pem,tls-user-cert=$place/alice.pem,tls-user-key=$place/alice.key"
        vm_run "nmcli --wait 60 connection up files"
        vm_run "nmcli connection delete files"
    done
    lacks "$(vm_run "cat $log")" "cannot be read" "the log"
    nothing_denied
}
vm_profile() { # NAME DATA [PROPERTY VALUE]...
    local name=$1 data="gateway=$SERVER_NAME:$PORT_SLEEP,user=$VPN_USER,$2"; shift 2
    vm_run "nmcli connection add type vpn vpn-type sstp con-name $name autoconnect no vpn.persistent yes vpn.data '$data' ${*@Q}" ||
        fail "nmcli cannot add the connection"
}
