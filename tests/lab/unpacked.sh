# shellcheck shell=bash
# Programs that must not be installed on the machine, because their packages would take over its name resolution: they
# are unpacked in the cache, and copied from there into the sandbox.

# unpack_packages PACKAGE...: fetch those that are not in the cache. Needs the network, so it comes before the sandbox.
unpack_packages() {
    local package work status
    for package; do
        [ ! -d "$(unpacked "$package")" ] || continue
        command -v apt-get >/dev/null || return 1
        work=$(mktemp -d) && chmod 755 "$work"
        (
            cd "$work" || exit
            apt-get -qq download "$package" || { apt-get -qq update && apt-get -qq download "$package"; } || exit
            dpkg -x ./*.deb tree && mkdir -p "$(dirname "$(unpacked "$package")")" && mv -T tree "$(unpacked "$package")"
        ) >/dev/null 2>&1
        status=$?
        rm -rf "$work"
        [ $status = 0 ] || return 1
    done
}

# unpacked PACKAGE: where it is. Another release of the distribution has packages of its own.
unpacked() { (. /etc/os-release && say "$LAB_CACHE/packages-$ID-$VERSION_ID/$1"); }

# copy_unpacked PACKAGE FILE...: into the sandbox. A FILE is a pattern of paths in the package; /bin, /lib and /sbin are in
# /usr, as they are on every machine with systemd.
copy_unpacked() {
    local tree file from; tree=$(unpacked "$1"); shift
    for file; do
        for from in "$tree"/$file; do
            file=${from#"$tree"/}
            case $file in bin/* | lib/* | sbin/*) file=usr/$file ;; esac
            mkdir -p "$(dirname "/$file")" && cp -aT --remove-destination --no-preserve=ownership "$from" "/$file" || die "cannot copy $file"
        done
    done
}
