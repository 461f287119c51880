# shellcheck shell=bash
# Words for the cases: packages on the machine, connections of NetworkManager and sessions of sstpctl there, and what
# the machine looks like.

PORT_NM=460 PORT_SESSION=461 PORT_EAP=462 PORT_CARD=35963
OURS="nm-sstp nm-sstp-gnome"
STOCK="network-manager-sstp network-manager-sstp-gnome"
EDITOR="python3-gi gir1.2-nm-1.0 gir1.2-gtk-3.0 gir1.2-gtk-4.0"      # what editor.py needs
TOKEN="pkcs11-provider p11-kit-modules softhsm2 opensc-pkcs11 pcscd vsmartcard-vpcd"     # what OpenSSL needs for keys there, and a reader
PROFILES=/etc/NetworkManager/system-connections

# virtual SUITE: whether it is also booted as a virtual machine.
virtual() { [[ " $VIRTUAL " == *" $1 "* ]]; }

# package_image SUITE: a machine with NetworkManager, and a repository of what cases install that is not ours, since it has
# no network but the lab's.
# shellcheck disable=SC2016 # for the shell of mmdebstrap
package_image() {
    local BOX_SUITE=$1 BOX_OPTIONS=(
        --customize-hook='mkdir -p "$1/opt/repository/partial" && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -q -y install --download-only --no-install-recommends -o Dir::Cache::archives="$1/opt/repository/" '"$STOCK $EDITOR"
        --customize-hook='cd "$1/opt/repository" && rm -rf lock partial && dpkg-scanpackages . 2>/dev/null >Packages'
        --customize-hook='rm -rf "$1"/etc/apt/sources.list.d/* "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap && echo "deb [trusted=yes] file:/opt/repository ./" >"$1/etc/apt/sources.list"'
    )
    # a mirror of what changes every day may lag
    [ "$BOX_SUITE" != sid ] || BOX_OPTIONS+=(--aptopt='Acquire::Check-Valid-Until "false"')
    if virtual "$1"; then box_image network-manager "${BOX_MACHINE_PACKAGES[@]}" $TOKEN krb5-user; else box_image network-manager; fi
}

# The servers' authority, their name, and the packages under test, for box_up.
box_with_packages() { # ROOT
    install -D -m 644 "$PKI/ca.pem" "$1/etc/ssl/certs/lab-ca.pem" && mkdir -p "$1/opt/packages" &&
        cp "$DEB_DIR"/nm-sstp{,-gnome}_*.deb "$1/opt/packages" || return 1
    sed -i "/$SERVER_NAME/d" "$1/etc/hosts" && say "$SERVER4 $SERVER_NAME" >>"$1/etc/hosts"
}

# A token with alice's key, of which pki_token has made the files.
box_with_token() { # ROOT
    cp "$PKI/radius-ca.pem" "$1/etc/ssl/certs/lab-radius-ca.pem" && cp -r "$PKI/token/." "$1/var/lib/softhsm/tokens" &&
        chown -R 0:0 "$1/var/lib/softhsm/tokens"
}

# Tickets of kerberos_up's, for whoever has a key.
box_with_kerberos() { cp /etc/krb5.conf "$1/etc/krb5.conf"; } # ROOT

# What the editors need, for a machine that would take minutes to unpack it.
box_with_toolkits() { # ROOT
    # shellcheck disable=SC2086 # a list
    chroot "$1" sh -c "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q --yes install $EDITOR" \
        >"$(log_of toolkits)" 2>&1
}

# apt COMMAND [PACKAGE]...: as a person would, who says yes; a PACKAGE may be a pattern of files there.
apt() {
    OUTPUT=$(in_box sh -c "DEBIAN_FRONTEND=noninteractive apt-get --yes $*" 2>&1 </dev/null) || fail "apt-get $*: $OUTPUT"
    lacks "$OUTPUT" "^dpkg: warning|^dpkg: error|Failed to" "apt-get $*"
}
installed() { [ "$(in_box dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
version_of() { in_box dpkg-query -W -f '${Version}' "$1"; }

# earlier_packages: the packages under test as if they were of an earlier version, in /opt/earlier of the machine.
EARLIER=0.0.9-1
earlier_packages() {
    local package work version
    work=$(mktemp -d "$LAB_RUN/earlier.XXXXXX") && mkdir "$work/earlier" || return 1
    for package in "$DEB_DIR"/nm-sstp{,-gnome}_*.deb; do
        rm -rf "$work/tree" && dpkg-deb -R "$package" "$work/tree" || return 1
        version=$(sed -n 's/^Version: //p' "$work/tree/DEBIAN/control")
        sed -i "s/^Version: .*/Version: $EARLIER/; s/nm-sstp (= $version)/nm-sstp (= $EARLIER)/" "$work/tree/DEBIAN/control"
        dpkg-deb --root-owner-group -Znone -b "$work/tree" "$work/earlier" >/dev/null || return 1
    done
    tar -C "$work" -c earlier | in_box tar -C /opt --no-same-owner -x || return 1
    rm -rf "$work"
}

# old_profile NAME PORT: a connection as the editor of network-manager-sstp 1.3.0 writes it, with the password in it.
old_profile() {
    sed "s/@NAME@/$1/; s/@GATEWAY@/$SERVER_NAME:$2/; s/@USER@/$VPN_USER/; s/@PASSWORD@/$VPN_PASSWORD/" tests/package/old.nmconnection |
        in_box install -m 600 /dev/stdin "$PROFILES/$1.nmconnection" || fail "cannot write the profile"
    in_box nmcli connection load "$PROFILES/$1.nmconnection" || fail "NetworkManager does not load the profile"
}

up() { OUTPUT=$(in_box timeout 60 nmcli --wait 50 connection up "$1" 2>&1); STATUS=$?; }
down() { in_box nmcli --wait 20 connection down "$1" >/dev/null || fail "nmcli connection down $1 failed"; }
connects() { # NAME PORT: up, an answer through the tunnel, and down
    up "$1"; [ "$STATUS" = 0 ] || fail "nmcli exited with $STATUS: $OUTPUT"
    answers "$(tunnel_server "$2")" || fail "no answer through the tunnel"
    down "$1"
    wait_for 10 no_tunnel || fail "a tunnel is left: $(tunnels)"
}
# session NAME PORT: a session of sstpctl that routes nothing but its own end.
session() {
    in_box sstpctl profile add "$1" --replace --gateway "$SERVER_NAME:$2" --user "$VPN_USER" --set ca-cert=/etc/ssl/certs/lab-ca.pem \
        --set routes=none --password-stdin <<<"$VPN_PASSWORD" >/dev/null || fail "sstpctl profile add"
    OUTPUT=$(in_box timeout 60 sstpctl connect "$1" 2>&1 </dev/null) || fail "sstpctl connect: $OUTPUT"
    answers "$(tunnel_server "$2")" || fail "no answer through the session"
}
answers() { in_box ping -n -c 1 -W 2 "$1" >/dev/null; }
tunnels() { in_box ip -o link show type tun | sed -n 's/^[0-9]*: \([^:@]*\).*/\1/p'; }
no_tunnel() { [ -z "$(tunnels)" ]; }
helpers() { in_box pgrep -x nm-sstp-service; }
networkmanager_pid() { in_box systemctl show -P MainPID NetworkManager.service; }
not() { ! "$@"; }

# What packages and connections change, apart from files: as text.
box_state() {
    in_box ip -o link show | sed 's/^[0-9]*: \([^:]*\):.*/link \1/'
    in_box ip -o address show | awk '{ print "address", $2, $3, $4 }'
    in_box ip -4 route show table all; in_box ip -6 route show table all; in_box ip rule show; in_box ip -6 rule show
    in_box grep -v '^#' /etc/resolv.conf
    in_box getent passwd; in_box getent group
    in_box systemctl list-units --all --plain --no-legend '*sstp*'
    in_box systemctl list-unit-files --no-legend '*sstp*'
    in_box busctl list --no-legend | awk '{ print $1 }' | grep -i sstp
    in_box pkaction | grep -i sstp
    helpers
}
# Every file with mode, owner and place, but for what apt, dpkg and the journal write down, and what is only there while
# the machine runs.
box_files() {
    in_box find / -xdev \( -path /opt -o -path /var/lib/apt -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/log/apt \
        -o -path /tmp -o -path /var/tmp -o -path /run -o -path /dev \) -prune -o -printf '%y %m %U:%G %p %l\n' | sort
}
# The same of those that have our names, dpkg's notes among them.
box_named() { in_box find / -xdev -path /opt -prune -o \( -iname '*sstp*' -print \) | sort; }

case_logs() {
    in_box journalctl -q --no-pager -o cat -t nm-sstp-service -n 25
    in_box journalctl -q --no-pager -o cat -t NetworkManager -n 30 | grep -v 'device ('
    find "$LAB_RUN/log" -name 'server*.log' -exec tail -n 8 {} +
}
