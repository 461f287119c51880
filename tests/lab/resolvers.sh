# shellcheck shell=bash
# The other ways in which NetworkManager gives away what it knows of name servers: systemd-resolved and openresolv.
# Needs unpacked.sh.

RESOLVER_PACKAGES="systemd-resolved libsystemd-shared openresolv"
RESOLVED=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_LEVEL=info)

# resolved_up: start systemd-resolved on the sandbox's bus. NetworkManager looks for it when it starts, so what comes next
# is `networkmanager_restart systemd-resolved unmanaged`.
resolved_up() {
    copy_unpacked systemd-resolved lib/systemd/systemd-resolved usr/bin/resolvectl \
        usr/share/dbus-1/system.d/org.freedesktop.resolve1.conf usr/share/polkit-1/actions/org.freedesktop.resolve1.policy
    copy_unpacked libsystemd-shared 'usr/lib/*/systemd/libsystemd-shared-*.so'
    getent passwd systemd-resolve >/dev/null || useradd --system --no-create-home --shell /usr/sbin/nologin systemd-resolve ||
        die "cannot make the user systemd-resolve"
    install -d -o systemd-resolve -g systemd-resolve /run/systemd/resolve
    printf '[Resolve]\nDNSSEC=no\nLLMNR=no\nMulticastDNS=no\nFallbackDNS=\n' >/etc/systemd/resolved.conf
    ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
    dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ReloadConfig >/dev/null
    spawn resolved "${RESOLVED[@]}" /usr/lib/systemd/systemd-resolved
    wait_for 5 resolvectl --no-pager status || die "systemd-resolved does not start: $(cat "$(log_of resolved)")"
}

# It is gone, and resolv.conf is a file again.
resolved_down() { reap resolved; rm -f /etc/resolv.conf; : >/etc/resolv.conf; }

# openresolv_up: /sbin/resolvconf is openresolv; then `networkmanager_restart default resolvconf`.
openresolv_up() {
    copy_unpacked openresolv sbin/resolvconf lib/resolvconf etc/resolvconf.conf
    resolvconf -u || die "openresolv does not work"
}
