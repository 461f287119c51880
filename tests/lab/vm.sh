# shellcheck shell=bash
# Virtual machines with Debian's own kernels, for what needs more of a kernel than the machine's may have. They run under
# qemu without KVM (the same everywhere).
#
# One has Debian's packages in an initramfs, and /dev/ppp, for programs that need the kernel's PPP. It starts in about 5 s.
# Its one interface is a tap in the lab's server namespace, where vm_run reaches the agent in it. The other is a tree of
# box.sh on a disk.

VM_ADDRESS=10.78.0.2 VM_GATEWAY=10.78.0.1
VM_SUITE=bookworm               # pppd 2.4.9 and the matching plugin of sstp-client
VM_PACKAGES=busybox-static,python3,ppp,sstp-client,iperf3,dbus-daemon,network-manager,linux-image-amd64
VM_MODULES="virtio_pci virtio_net ppp_generic ppp_async tun"
VM_DISK_MODULES="virtio_pci virtio_net virtio_blk crc32c_generic ext4 tun"   # of Debian 12, ext4 without crc32c does not work

# vm_image: build the image once, in the cache; prints the directory with `kernel` and `initrd`. The machine's own
# network is used, so call it before lab_enter.
vm_image() (
    key=$({ say "$VM_PACKAGES $VM_MODULES"; cat "$LAB_HOME"/vm-{init,agent}; declare -f vm_image vm_keep_modules vm_compile_python; } |
        sha256sum | cut -c1-12)
    image=$LAB_CACHE/vm-$VM_SUITE-$key
    if [ ! -e "$image/initrd" ]; then
        mkdir -p "$LAB_CACHE" && work=$(mktemp -d "$LAB_CACHE/build.XXXXXX") || die "cannot write to $LAB_CACHE"
        trap 'rm -rf --one-file-system "$work"' EXIT
        root=$work/root
        mmdebstrap --quiet --variant=extract --include=$VM_PACKAGES --dpkgopt='path-exclude=/usr/share/*' \
            --dpkgopt='path-exclude=/usr/lib/*/perl*' --dpkgopt='path-exclude=/usr/lib/*/gconv*' \
            $VM_SUITE "$root" >"$work/log" 2>&1 || die "cannot unpack Debian's packages: $(tail -5 "$work/log")"
        version=$(basename "$root"/lib/modules/*)
        mkdir "$work/new" && mv "$root/boot/vmlinuz-$version" "$work/new/kernel" &&
            vm_keep_modules "$root" "$version" "$VM_MODULES" && vm_compile_python "$root" && rm -rf "${root:?}"/{boot,var/cache,var/lib} &&
            mkdir -p "$root"/{proc,sys,dev,run,tmp,root} &&
            cp "$LAB_HOME/vm-init" "$root/init" && cp "$LAB_HOME/vm-agent" "$root/vm-agent" &&
            chroot "$root" /bin/busybox sh -c 'find . | cpio -o -H newc 2>/dev/null' >"$work/new/initrd" ||
            die "cannot make the virtual machine's image"
        mv -T "$work/new" "$image" 2>/dev/null      # another run may have been quicker
    fi
    cached "$image"
)

# vm_kernel SUITE: the kernel of that release of Debian for a machine whose root is a disk, once, in the cache; prints the
# directory with `kernel`, `initrd` and `modules`, which belong into the root. The machine's own network is used.
vm_kernel() (
    key=$({ say "$VM_DISK_MODULES"; cat "$LAB_HOME/vm-disk-init"; declare -f vm_kernel vm_keep_modules; } | sha256sum | cut -c1-12)
    image=$LAB_CACHE/kernel-$1-$key
    if [ ! -e "$image/initrd" ]; then
        mkdir -p "$LAB_CACHE" && work=$(mktemp -d "$LAB_CACHE/build.XXXXXX") || die "cannot write to $LAB_CACHE"
        trap 'rm -rf --one-file-system "$work"' EXIT
        root=$work/root
        # a mirror of what changes every day may lag
        mmdebstrap --quiet --variant=extract --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
            --include=busybox-static,linux-image-amd64 --dpkgopt='path-exclude=/usr/share/*' \
            --aptopt='Acquire::Check-Valid-Until "false"' "$1" "$root" >"$work/log" 2>&1 ||
            die "cannot unpack Debian's kernel: $(tail -5 "$work/log")"
        version=$(basename "$root"/lib/modules/*)
        mkdir -p "$work/new" "$root/boot" "$root/new"/{bin,lib,proc,sys,dev,root} &&
            find -H "$root"/boot "$root/lib/modules" -name 'vmlinuz*' -exec mv {} "$work/new/kernel" \; &&
            vm_keep_modules "$root" "$version" "$VM_DISK_MODULES" && cp -r "$root/lib/modules" "$work/new/modules" &&
            mv "$root/lib/modules" "$root/new/lib" && mv "$root/bin/busybox" "$root/new/bin" &&
            cp "$LAB_HOME/vm-disk-init" "$root/new/init" && chroot "$root/new" /bin/busybox --install -s /bin &&
            chroot "$root/new" /bin/sh -c 'find . | cpio -o -H newc 2>/dev/null' >"$work/new/initrd" ||
            die "cannot make the initramfs of Debian's kernel"
        mv -T "$work/new" "$image" 2>/dev/null      # another run may have been quicker
    fi
    cached "$image"
)

# Of all the kernel's modules only those that are used, with what they need.
vm_keep_modules() { # ROOT VERSION NAMES
    local modules=$1/lib/modules/$2 keep file
    chroot "$1" /bin/busybox depmod "$2" || return 1
    keep=$(awk -v names="$3" '
        BEGIN { split(names, n); for (i in n) wanted[n[i]] }
        { name = $1; sub(/.*\//, "", name); sub(/\.ko.*/, "", name); gsub("-", "_", name) }
        name in wanted { sub(":", ""); print }' "$modules/modules.dep" | tr ' ' '\n' | sort -u)
    mv "$modules" "$modules.all"
    for file in $keep modules.order modules.builtin modules.builtin.modinfo; do
        mkdir -p "$modules/$(dirname "$file")" && cp "$modules.all/$file" "$modules/$file" || return 1
    done
    rm -rf "$modules.all"
    chroot "$1" /bin/busybox depmod "$2"
}

# Bytecode for the modules that the servers import: compiling them in the machine would take seconds each time. It is
# marked as needing no check, because an initramfs does not keep the sources' times.
vm_compile_python() { # ROOT
    chroot "$1" /usr/bin/python3 -B - <<'PY'
import argparse, asyncio, configparser, hmac, ipaddress, logging, socketserver, ssl, subprocess, sys, tempfile
import py_compile
for module in list(sys.modules.values()):
    path = getattr(module, "__file__", None) or ""
    if path.endswith(".py"):
        py_compile.compile(path, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
PY
}

# vm_up IMAGE: start it in the background; vm_wait waits until it answers.
vm_up() {
    ip -n server tuntap add mode tap name vm0 && ip -n server address add $VM_GATEWAY/24 dev vm0 &&
        ip -n server link set vm0 up || die "cannot make a tap device"
    in_server sysctl -qw net.ipv4.ip_forward=1
    vm_start "$1" vm0 "VM_ADDRESS=$VM_ADDRESS/24" -m 640
}
VM_PROCESSORS=2
# vm_start IMAGE TAP PARAMETERS [OPTION]...: the kernel is given the parameters, and qemu the options.
vm_start() {
    spawn vm "${IN_SERVER[@]}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -machine q35 -smp $VM_PROCESSORS \
        -nodefaults -display none -monitor tcp:127.0.0.1:7001,server=on,wait=off -no-reboot -serial stdio \
        -kernel "$1/kernel" -initrd "$1/initrd" \
        -append "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on net.ifnames=0 $3" \
        -netdev tap,id=lab,ifname="$2",script=no,downscript=no -device virtio-net-pci,netdev=lab,romfile= "${@:4}"
}
vm_wait() { wait_for 120 vm_run true || die "the virtual machine does not answer: $(tail -5 "$(log_of vm)")"; }

# vm_run SCRIPT: run it in the machine with sh; its output, and its status.
vm_run() {
    local output LC_ALL=C       # lengths in octets
    output=$(printf '%s\n%s' ${#1} "$1" |
        in_server bash -c 'exec 3<>/dev/tcp/'$VM_ADDRESS'/7000 && cat >&3 && cat <&3' 2>/dev/null) || return 9
    [ "${output%?rc=*}" = '' ] || printf '%s\n' "${output%?rc=*}"
    return "${output##*rc=}"
}

# vm_monitor COMMAND: what qemu says to that.
vm_monitor() {
    # shellcheck disable=SC2016 # for the inner shell
    in_server bash -c 'exec 3<>/dev/tcp/127.0.0.1/7001 && echo "$1" >&3 && timeout .5 cat <&3' - "$1" 2>/dev/null || true
}

# vm_put DIRECTORY: copy its contents over the machine's root.
vm_put() { vm_run "base64 -d <<'END' | tar -C / -xzf -
$(tar -C "$1" --owner=0 --group=0 --exclude=__pycache__ -cz . | base64)
END"; }
