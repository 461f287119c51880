# shellcheck shell=bash
# The virtual machine's kernel has AppArmor, which this machine's need not have: the service under its profile, enforced.

# The profile in the kernel's own form, where vm/client finds it.
apparmor_ready() {
    local profile=$LAB_RUN/profile
    sed 's|@PREFIX@|/opt|; s|@LIBEXECDIR@|bin|' packaging/apparmor/nm-sstp-service.in >"$profile"
    apparmor_parser --skip-kernel-load --skip-cache --quiet --kernel-features /etc/apparmor.d/abi/3.0 \
        --ofile "$LAB_RUN/stage/opt/interop/apparmor" "$profile" || die "the profile cannot be compiled"
}

confined() {
    local processes denied
    processes=$(vm_run 'for process in /proc/[0-9]*; do
        [ "$(readlink "$process/exe")" != /opt/bin/nm-sstp-service ] || cat "$process/attr/current"; done')
    [ "$(grep -cx 'nm-sstp-service (enforce)' <<<"$processes")" -ge 2 ] || fail "the service and its tunnel are not confined: $processes"
    vm_run "/opt/bin/sstpctl probe $SERVER_NAME:$PORT_SLEEP --set ca-cert=/etc/ssl/certs/lab-ca.pem" || fail "no look at the server"
    denied=$(vm_run "dmesg | grep 'apparmor=\"DENIED\"'")
    [ -z "$denied" ] || fail "$denied"
    # the profile itself, without what the service gives up beside it: what it reads, and what it neither reads nor writes
    vm_run "mkdir -p /etc/ppp; cp /etc/ssl/certs/lab-ca.pem /etc/ppp/ca.pem"
    contains "$(under_it cat /etc/ssl/certs/lab-ca.pem)" "BEGIN CERTIFICATE" "an authority's certificate"
    contains "$(under_it cat /etc/ppp/ca.pem)" "Permission denied" "a file of another VPN"
    contains "$(under_it cp /etc/hosts /etc/hosts.new)" "Permission denied" "a file in a place that is only read"
}

# under_it APPLET ARGUMENT...: busybox as if it were the service.
under_it() { vm_run "echo 'exec nm-sstp-service' >/proc/self/attr/exec && exec /bin/busybox $* 2>&1"; }
