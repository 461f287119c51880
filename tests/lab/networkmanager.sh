# shellcheck shell=bash
# A private system bus, polkitd and NetworkManager, with this project installed, for the lab's client.

DAEMON=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8)     # without this script's environment
BUS=/run/dbus/system_bus_socket

# networkmanager_up: install the tree's release build and start everything. NM_LOG is NetworkManager's log level,
# NM_VPN_LOG the level that its VPN plugins are given.
networkmanager_up() {
    local polkitd
    make -s -C "$TREE" install DESKTOP="${LAB_DESKTOP:-no}" DESTDIR=$LAB_RUN/install PREFIX=/usr >"$(log_of install)" 2>&1 ||
        die "make install failed: $(cat "$(log_of install)")"
    cp -a --no-preserve=ownership $LAB_RUN/install/. / || die "cannot copy the installed files"
    networkmanager_configure
    spawn dbus-daemon "${DAEMON[@]}" dbus-daemon --system --nofork --nopidfile
    wait_for 5 test -S $BUS || die "no bus: $(cat "$(log_of dbus-daemon)")"
    for polkitd in /usr/lib/polkit-1/polkitd /usr/libexec/polkitd /usr/libexec/polkit-1/polkitd; do
        [ -x $polkitd ] && break
    done
    spawn polkitd "${DAEMON[@]}" $polkitd --no-debug
    networkmanager_start
}

# networkmanager_restart DNS RC-MANAGER: with these words in its configuration, see NetworkManager.conf(5).
networkmanager_restart() {
    local NM_DNS=$1 NM_RC_MANAGER=$2
    reap NetworkManager
    networkmanager_configure
    networkmanager_start
}

networkmanager_start() {
    spawn NetworkManager "${DAEMON[@]}" NetworkManager --debug
    wait_for 15 nmcli --terse general status || die "NetworkManager does not start: $(tail -5 "$(log_of NetworkManager)")"
    nmcli --terse connection add type ethernet ifname $CLIENT_LINK con-name uplink autoconnect no \
        ipv4.method manual ipv4.addresses $CLIENT4/24 ipv4.gateway $SERVER4 ipv4.dns $SERVER4 \
        ipv6.method manual ipv6.addresses $CLIENT6/64 ipv6.gateway $SERVER6 ipv6.may-fail no >/dev/null &&
    nmcli --terse --wait 20 connection up uplink >/dev/null || die "NetworkManager cannot bring up $CLIENT_LINK"
}

# Configuration of the sandbox only: nothing of the machine's own settings, profiles or scripts applies in it.
networkmanager_configure() {
    rm -rf /etc/NetworkManager /var/lib/NetworkManager /usr/lib/NetworkManager/{conf.d,dispatcher.d} /etc/netplan
    mkdir -p /etc/NetworkManager/system-connections /var/lib/NetworkManager /etc/polkit-1/rules.d
    cat >/etc/NetworkManager/NetworkManager.conf <<CONF
[main]
plugins=keyfile
no-auto-default=*
dns=${NM_DNS:-default}
rc-manager=${NM_RC_MANAGER:-file}
auth-polkit=true
[logging]
level=${NM_LOG:-INFO}
domains=ALL,VPN_PLUGIN:${NM_VPN_LOG:-DEBUG}
[connectivity]
enabled=false
CONF
    [ -L /etc/resolv.conf ] || : >/etc/resolv.conf
}
