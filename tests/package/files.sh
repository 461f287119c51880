# shellcheck shell=bash
# The packages as files.

file_cases() {
    run_case "lintian has nothing to say" no_tags
    run_case "every file of make install is in one of the packages" one_list
    run_case "programs and libraries are hardened, and their debug information is apart" hardened
}

no_tags() {
    local output
    output=$(lintian --pedantic --display-info --display-experimental --no-cfg --tag-display-limit 0 --allow-root "$DEB_DIR"/nm-sstp*.deb 2>&1)
    [ -z "$output" ] || fail "$output"
}

# The lists of debhelper say what is in which package; what there is, make install says.
one_list() {
    local stage package
    stage=$(mktemp -d) || fail "no directory"
    trap 'rm -rf "$stage"' EXIT
    make -s installed APPARMOR=yes PREFIX=/usr PLUGINDIR="lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)/NetworkManager" | sort >"$stage/wanted"
    for package in nm-sstp nm-sstp-gnome; do
        dpkg-deb --fsys-tarfile "$DEB_DIR/${package}"_*.deb | tar -t | sed -n 's/^\.//; s/\.gz$//; /\/$/!p' |
            grep -vE '^/usr/share/(doc|lintian)/'
    done | sort >"$stage/packed"
    diff "$stage/wanted" "$stage/packed" || fail "the packages have other files than make install"
}

hardened() {
    local tree package file headers id debug
    tree=$(mktemp -d) || fail "no directory"
    trap 'rm -rf "$tree"' EXIT
    for package in "$DEB_DIR"/nm-sstp*.deb; do dpkg-deb -x "$package" "$tree"; done
    while IFS= read -r file; do
        headers=$(readelf -W -h -l -d -n -S "$file")
        contains "$headers" "Type: +DYN" "$file"
        contains "$headers" "GNU_RELRO" "$file"
        contains "$headers" "FLAGS.*NOW" "$file"
        lacks "$headers" "GNU_STACK.* RWE" "$file"
        lacks "$headers" "\.(debug_info|symtab)" "$file"
        id=$(sed -n 's/.*Build ID: //p' <<<"$headers")
        debug=$tree/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug
        [ -n "$id" ] && [ -e "$debug" ] || fail "$file has no debug information in a package"
        contains "$(readelf -W -S "$debug")" "\.debug_line" "$debug"
        say "$(stat -c %s "$file") $(basename "$file")"
    done < <(find "$tree/usr/bin" "$tree/usr/libexec" "$tree"/usr/lib/*/NetworkManager -type f -exec sh -c 'readelf -h "$1" >/dev/null 2>&1' - {} \; -print)
}
