# shellcheck shell=bash
# A container that boots systemd, with this project installed (by make install, or by its packages): real units, journald,
# resolved and polkitd, on Debian's own packages. It lives in the lab's sandbox and in its network, so the lab's servers are
# reachable from it, and it needs nothing of the machine's own systemd, if there is one. It starts in about 2 s.
#
#   lab_require ip mmdebstrap make nsenter
#   [ -n "${LAB_STAGE-}" ] || { BOX_IMAGE=$(box_image) || exit 1; export BOX_IMAGE; }     # needs the machine's network
#   lab_enter "$0" "$@"
#   network_up; box_up "$BOX_IMAGE"
#   in_box systemctl is-system-running
#   box_down
#
# box_machine_up boots the same tree as a virtual machine, with Debian's own kernel and what only a kernel of one's own has,
# such as AppArmor. Its start takes some two minutes of a processor, and everything below is the same for it.

BOX_SUITE=bookworm
BOX_OPTIONS=()
BOX_PACKAGES=systemd,systemd-sysv,libpam-systemd,dbus,polkitd,systemd-resolved
BOX_PACKAGES+=,iproute2,iputils-ping,procps,netbase,openssl,libssl3,ca-certificates
BOX=$LAB_RUN/box                # its root and what it changes of it
BOX_LINK=${CLIENT_LINK:-uplink0}

# box_image [PACKAGE]...: unpack the tree once, in the cache, with these packages besides; prints its directory. BOX_SUITE
# names the release of Debian, BOX_OPTIONS is more that mmdebstrap is told. The machine's own network is used, so call it
# before lab_enter.
box_image() (
    packages=$BOX_PACKAGES
    for package; do packages+=,$package; done
    key=$({ say "$packages" "${BOX_OPTIONS[@]}"; declare -f box_image box_settings; } | sha256sum | cut -c1-12)
    image=$LAB_CACHE/box-$BOX_SUITE-$key
    if [ ! -e "$image/sbin/init" ]; then
        mkdir -p "$LAB_CACHE" && work=$(mktemp -d "$LAB_CACHE/build.XXXXXX") || die "cannot write to $LAB_CACHE"
        trap 'rm -rf --one-file-system "$work"' EXIT
        mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" --dpkgopt='path-exclude=/usr/share/doc/*' \
            --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
            --customize-hook='cd "$1/opt" && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -q download openresolv && dpkg -x openresolv_*.deb openresolv && rm openresolv_*.deb' \
            "${BOX_OPTIONS[@]}" \
            --customize-hook='rm -f "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id && touch "$1"/etc/machine-id' \
            $BOX_SUITE "$work/root" >"$work/log" 2>&1 </dev/null || die "cannot make the container's tree: $(tail -5 "$work/log")"
        chmod 755 "$work/root" && box_settings "$work/root"
        mv -T "$work/root" "$image" 2>/dev/null         # another run may have been quicker
    fi
    cached "$image"
)

# What makes it a quiet container: no terminals, no settings of the kernel, which is the machine's.
box_settings() { # ROOT
    local unit
    for unit in getty@.service console-getty.service systemd-sysctl.service systemd-modules-load.service \
        systemd-journal-flush.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
        fstrim.timer; do
        ln -sf /dev/null "$1/etc/systemd/system/$unit"
    done
    say lab-box >"$1/etc/hostname"
    ln -sf ../run/systemd/resolve/stub-resolv.conf "$1/etc/resolv.conf"
    mkdir -p "$1/etc/systemd/"{journald.conf.d,resolved.conf.d}
    printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nForwardToSyslog=no\n' >"$1/etc/systemd/journald.conf.d/lab.conf"
    printf '[Resolve]\nDNSSEC=no\nLLMNR=no\nMulticastDNS=no\nFallbackDNS=\n' >"$1/etc/systemd/resolved.conf.d/lab.conf"
}

# box_up IMAGE [FUNCTION]...: boot it, with the client's addresses on the lab's link. The functions are called before, with
# the root as argument, to change it.
box_up() {
    local image=$1 change BOX_LINK_BY=lab; shift
    box_tree "$image"
    for change; do "$change" "$BOX/root" || die "$change failed"; done
    [ "$BOX_LINK_BY" = networkmanager ] || {
        ip address replace $CLIENT4/24 dev $BOX_LINK && ip address replace $CLIENT6/64 dev $BOX_LINK nodad &&
            ip link set $BOX_LINK up && ip route replace default via $SERVER4
    } || die "cannot configure $BOX_LINK"
    box_cgroup
    spawn box unshare --pid --mount --uts --ipc --fork --kill-child bash "$LAB_HOME/box-init" "$BOX/root" "$BOX_CGROUP"
    trap box_down EXIT
    wait_for 60 box_has_booted || die "the container does not boot: $(tail -5 "$(log_of box)")"
}
box_has_booted() {
    case $(in_box systemctl is-system-running) in running | degraded) ;; *) return 1 ;; esac
    [ "$BOX_LINK_BY" != networkmanager ] || in_box nm-online -q -s -x      # its link has its addresses
}

# box_machine_up IMAGE KERNEL [FUNCTION]...: the same with a kernel of vm_kernel. The image has BOX_MACHINE_PACKAGES, and one
# of the functions is box_with_networkmanager, since nothing else gives the machine its addresses. It takes the client's place:
# the lab's link ends in it.
BOX_MACHINE_PACKAGES=(apparmor udev kmod openssh-server)
box_machine_up() {
    # A second processor would see instructions too late that the kernel changes on the way (jump labels), as qemu translates.
    local image=$1 kernel=$2 change BOX_LINK_BY=lab VM_PROCESSORS=1; shift 2
    BOX_LINK=eth0
    box_tree "$image"
    for change; do "$change" "$BOX/root" || die "$change failed"; done
    # by depmod of the tree, which knows of devices that are there before their modules, such as /dev/net/tun
    cp -r "$kernel/modules" $BOX/root/lib/ && chroot $BOX/root depmod "$(ls "$kernel/modules")" && box_with_key $BOX/root &&
        mkfs.ext4 -q -d $BOX/root -O ^has_journal,^metadata_csum $BOX/disk 3G >"$(log_of mkfs)" 2>&1 || die "cannot make the machine's disk"
    network_link tap
    vm_start "$kernel" link0 "systemd.condition_needs_update=no $BOX_PARAMETERS" -m 1280 -drive file=$BOX/disk,if=virtio,format=raw,cache=unsafe
    trap box_down EXIT
    wait_for 600 machine_answers_or_ends && machine_answers && wait_for 60 box_has_booted || die "the machine does not boot: $(tail -5 "$(log_of vm)")"
}
BOX_PARAMETERS=''              # of the machine's kernel, besides

# box_with_key ROOT: root's commands come by SSH, and are no sessions of a person.
box_with_key() {
    [ -e $BOX/key ] || ssh-keygen -q -t ed25519 -N '' -f $BOX/key || return 1
    install -D -m 600 $BOX/key.pub "$1/root/.ssh/authorized_keys" &&
        say "UsePAM no" >"$1/etc/ssh/sshd_config.d/lab.conf"
}

# The tree under an overlay, and the release build installed in it, unless BOX_INSTALL=no.
box_tree() { # IMAGE
    mkdir -p $BOX/{upper,work,root}
    mount -t overlay lab-box $BOX/root -o "lowerdir=$1,upperdir=$BOX/upper,workdir=$BOX/work" ||
        die "cannot mount an overlay over $1"
    cp /etc/hosts $BOX/root/etc/hosts
    [ "${BOX_INSTALL-}" != no ] || return 0
    make -s -C "$TREE" install DESKTOP=no DESTDIR=$BOX/root PREFIX=/usr >"$(log_of install)" 2>&1 ||
        die "make install failed: $(cat "$(log_of install)")"
    # make installs into a staging tree, so the owner may be another than root
    find $BOX/upper -mindepth 1 ! -uid 0 -exec chown -h 0:0 {} +
}

# A control group of its own below ours, in the unified hierarchy; another run that was killed may have left one.
box_cgroup() {
    local ours old
    mkdir -p $BOX/cgroup && { mountpoint -q $BOX/cgroup || mount -t cgroup2 none $BOX/cgroup; } ||
        die "the kernel has no unified hierarchy of control groups"
    ours=$(sed -n 's/^0:://p' /proc/self/cgroup)
    for old in "$BOX/cgroup$ours"/nm-sstp-box.*/; do box_remove_cgroup "$old"; done
    BOX_CGROUP=$(mktemp -d "$BOX/cgroup${ours%/}/nm-sstp-box.XXXXXX") || die "cannot make a control group"
}
# Only what is empty goes.
box_remove_cgroup() { [ ! -d "$1" ] || find "$1" -depth -type d -exec rmdir {} + 2>/dev/null; }

# in_box COMMAND...: run it there as root; box_pid is the container's first process as the lab sees it.
box_pid() { local outer; outer=$(pid_of box) && pgrep -P "$outer"; }
in_box() {
    local pid
    if [ -e $BOX/disk ]; then in_machine "$@"; return; fi
    pid=$(box_pid) || return 1
    nsenter --target "$pid" --mount --uts --ipc --pid --cgroup -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 SYSTEMD_PAGER='' "$@"
}
# All commands share one connection, which a process of its own has.
machine_answers() { alive ssh || spawn ssh "${IN_SERVER[@]}" ssh "${MACHINE_SSH[@]}" -MN root@$CLIENT4; in_machine true; }
machine_answers_or_ends() { ! alive vm || machine_answers; }
MACHINE_SSH=(-F none -S "$BOX/ssh" -i "$BOX/key" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null
    -o LogLevel=ERROR -o ConnectTimeout=3)
in_machine() {
    [ -e $BOX/ssh ] && ssh "${MACHINE_SSH[@]}" root@$CLIENT4 -- \
        "$(printf '%q ' env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 SYSTEMD_PAGER='' "$@")"
}

# box_with_openresolv ROOT: for box_up: no systemd-resolved, but openresolv.
box_with_openresolv() {
    box_without_resolved "$1"
    # /lib and /sbin are links in a tree of today
    tar -C "$1/opt/openresolv" -c . | tar -C "$1" -x --keep-directory-symlink
}

# box_without_resolved ROOT: for box_up: no systemd-resolved, and a resolv.conf that is a file.
box_without_resolved() {
    ln -sf /dev/null "$1/etc/systemd/system/systemd-resolved.service"
    rm -f "$1/etc/resolv.conf" "$1/usr/sbin/resolvconf" "$1/etc/systemd/system/dbus-org.freedesktop.resolve1.service"
    printf 'nameserver %s\n' $SERVER4 >"$1/etc/resolv.conf"
}

# box_with_networkmanager ROOT: for box_up with an image of `box_image network-manager`: NetworkManager runs, and it is what
# configures the lab's link.
box_with_networkmanager() {
    local profile=$1/etc/NetworkManager/system-connections/uplink.nmconnection
    BOX_LINK_BY=networkmanager
    printf '[main]\nno-auto-default=*\n[connectivity]\nenabled=false\n' >"$1/etc/NetworkManager/conf.d/lab.conf"
    printf '%s\n' '[connection]' id=uplink type=ethernet interface-name=$BOX_LINK \
        '[ipv4]' method=manual address1=$CLIENT4/24,$SERVER4 dns=$SERVER4 \
        '[ipv6]' method=manual address1=$CLIENT6/64,$SERVER6 >"$profile" && chmod 600 "$profile"
}

# box_down: end it, in good order within 10 s, and forget what it changed.
box_down() {
    local pid
    trap - EXIT
    [ ! -e $BOX/disk ] || { reap ssh; reap vm KILL; network_link veth; }
    if pid=$(box_pid); then
        kill -s RTMIN+3 "$pid"      # systemd's own signal for halt
        wait_for 10 box_is_down || kill -KILL "$pid"
    fi
    reap box
    [ -z "${BOX_CGROUP-}" ] || wait_for 5 eval 'box_remove_cgroup "$BOX_CGROUP"; [ ! -d "$BOX_CGROUP" ]'
    umount $BOX/root 2>/dev/null
    rm -rf --one-file-system $BOX/{upper,work,disk}
}
box_is_down() { ! alive box; }
