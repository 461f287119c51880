# shellcheck shell=bash
# What the lab and the build need of a Debian or Ubuntu machine, and how it gets there.

BUILD_PACKAGES="gcc libc6-dev make pkg-config libssl-dev gettext"
# What the libraries for desktops are built with, and what make check-desktop needs besides.
DESKTOP_BUILD_PACKAGES="libnm-dev libgtk-3-dev libgtk-4-dev libgtk-4-bin"
DESKTOP_PACKAGES="network-manager-gnome gnome-control-center plasma-nm kde-cli-tools xvfb xauth xdotool imagemagick
    at-spi2-core python3-pyatspi binutils fonts-dejavu-core gnome-keyring libsecret-tools gnome-shell kded5"
# What make deb, make check-data and make package-check need besides, and what looks at the result.
PACKAGING_PACKAGES="apparmor binutils dbus-bin dbus-daemon debhelper dh-apparmor dpkg-dev e2fsprogs fakeroot libarchive-tools
    libxml2-utils lintian makepkg openssh-client polkitd rpm rpmlint selinux-policy-dev setools systemd xvfb"
LAB_PACKAGES="iproute2 iputils-ping iperf3 openssl procps"
# Daemons: installed on a machine they would be started there, so the demo puts them into its sandbox only.
DAEMON_PACKAGES="dbus network-manager polkitd"
# What make check-auth needs besides: two RADIUS servers, and a program that checks their configuration.
AUTH_PACKAGES="freeradius eapoltest hostapd"
# What make check-nm needs besides: a router and a DHCP server for the network behind the tunnel, and looks at it.
NETWORK_PACKAGES="radvd dnsmasq-base tcpdump tshark"
# What make check-transport needs besides: proxies, and who verifies their NTLM.
PROXY_PACKAGES="squid microsocks winbind"
# What FEATURES=negotiate and its cases need besides: MIT's Kerberos and a KDC.
KERBEROS_BUILD_PACKAGES="libkrb5-dev libclang-dev"
KERBEROS_PACKAGES="krb5-kdc krb5-admin-server"

# missing_packages PACKAGE...: those that are not installed.
missing_packages() {
    local package
    for package; do
        # shellcheck disable=SC2016 # dpkg-query's own syntax
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
    done
}

# install_packages PACKAGE...: those that are missing, with the reason said before.
install_packages() {
    local missing
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || die "this script installs packages with apt-get only; install these yourself: $missing"
    say "Installing with apt-get: $missing"
    # shellcheck disable=SC2086 # a list
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } \
        >/tmp/packages.$$ 2>&1 </dev/null || { tail -5 /tmp/packages.$$; rm -f /tmp/packages.$$; die "apt-get failed"; }
    rm -f /tmp/packages.$$
}

# without_starting COMMAND...: what it installs is not started on this machine, as far as that follows Debian's policy.
without_starting() {
    local policy=/usr/sbin/policy-rc.d status
    [ ! -e $policy ] || { "$@"; return; }
    printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
    "$@"; status=$?
    rm -f $policy
    return $status
}

# find_cargo: set CARGO (and RUSTC, where it needs one) to a toolchain that is recent enough: the machine's, else the
# distribution's, else rustup's, in a directory of its own.
find_cargo() {
    local wanted candidate
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$TREE/Cargo.toml")
    for candidate in "${CARGO:-cargo}" ~/.cargo/bin/cargo "$(home_of "${SUDO_USER:-root}")/.cargo/bin/cargo" "$LAB_CACHE/rust/bin/cargo"; do
        export CARGO=$candidate
        if at_least "$wanted" "$(as_owner "$CARGO" --version 2>/dev/null | cut -d' ' -f2)"; then return; fi
    done
    candidate=$(distribution_cargo "$wanted")
    if [ -n "$candidate" ]; then
        say "There is no Rust toolchain of version $wanted or newer here; the distribution has one."
        install_packages "$candidate"
        CARGO=cargo
        case $candidate in cargo-[0-9]*) CARGO=$candidate; export RUSTC=rustc-${candidate#cargo-} ;; esac
    else
        say "There is no Rust toolchain of version $wanted or newer, here or in the distribution:" \
            "fetching one from rustup into $LAB_CACHE/rust (nothing else is changed)."
        install_packages curl ca-certificates
        mkdir -p "$LAB_CACHE"
        curl --proto '=https' -sSf https://sh.rustup.rs |
            RUSTUP_HOME=$LAB_CACHE/rust CARGO_HOME=$LAB_CACHE/rust sh -s -- -y -q --no-modify-path --profile minimal ||
            die "rustup failed"
        export RUSTUP_HOME=$LAB_CACHE/rust
        CARGO=$LAB_CACHE/rust/bin/cargo
    fi
}

# The distribution's package with a cargo that is recent enough and that displaces no package; nothing if none is.
distribution_cargo() { # VERSION
    local package version
    command -v apt-get >/dev/null && apt-get update -qq >/dev/null 2>&1
    for package in cargo cargo-web $(apt-cache search --names-only '^cargo-1\.[0-9]*$' 2>/dev/null | cut -d' ' -f1 | sort -V); do
        version=$(apt-cache policy "$package" 2>/dev/null | sed -n 's/ *Candidate: //p')
        if at_least "$1" "$version" && ! apt-get -s install "$package" 2>/dev/null | grep -q '^Remv'; then
            say "$package"
            return
        fi
    done
}

at_least() { # VERSION CANDIDATE
    [[ ${2-} == [1-9]* ]] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -1)" = "$1" ]
}

home_of() { getent passwd "$1" | cut -d: -f6; }

# as_owner COMMAND...: as the owner of the tree, so that `sudo make demo` leaves no file of root's in target/.
as_owner() {
    local owner; owner=$(stat -c %U "$TREE")
    if [ "$(id -u)" = 0 ] && [ "$owner" != root ] && [ "$owner" != UNKNOWN ]; then
        runuser -u "$owner" -- env HOME="$(home_of "$owner")" "$@"
    else
        "$@"
    fi
}

# workspace_members: options for cargo that name the members of the workspace; DESKTOP=no leaves out those that need libnm
# or GTK.
workspace_members() {
    local member options=--workspace
    if [ "${DESKTOP-}" = no ]; then
        for member in "$TREE"/nm-plugin/*/Cargo.toml; do
            grep -qE '^(gtk|gtk4|glib|nm-sstp-libnm)\b' "$member" || continue
            options+=" --exclude $(sed -n '0,/^name = "\(.*\)"/s//\1/p' "$member")"
        done
    fi
    say "$options"
}
