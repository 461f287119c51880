# shellcheck shell=bash
# Debian's packages, as files.

debian_cases() {
    run_case "Debian: lintian has nothing to say" no_tags "$DEB_DIR"/nm-sstp*.deb
    run_case "Debian: lintian has nothing to say of the source package" no_tags "$DEB_DIR"/nm-sstp_*.dsc
    run_case "Debian: the files of make install" debian_payload
    run_case "Debian: the programs are those that are tested, and their debug information is apart" same_programs
}

no_tags() { # FILE...
    local output
    output=$(lintian --pedantic --display-info --display-experimental --no-cfg --tag-display-limit 0 --allow-root "$@" 2>&1)
    [ -z "$output" ] || fail "$output"
}

# The lists of debhelper say what is in which package; what there is, make install says.
debian_payload() {
    local package
    for package in nm-sstp nm-sstp-gnome; do
        mkdir "$WORK/$package" && dpkg-deb -x "$DEB_DIR/${package}"_*.deb "$WORK/$package" || fail "$package cannot be unpacked"
    done
    in_both "$(listed APPARMOR=yes PREFIX=/usr PLUGINDIR="lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)/NetworkManager" | grep -v ' usr/share/doc/')" \
        "$(cat <(files_of "$WORK/nm-sstp") <(files_of "$WORK/nm-sstp-gnome") | sed 's/\.gz$//' | grep -vE ' usr/share/(doc|lintian)/' | sort)"
}

# `make check` runs what `make` has built.
same_programs() {
    local tree=$WORK/debian package file id debug
    for package in "$DEB_DIR"/nm-sstp*.deb; do dpkg-deb -x "$package" "$tree" || fail "$package cannot be unpacked"; done
    while IFS= read -r file; do
        id=$(build_id "$file")
        say "$(stat -c %s "$file") ${file#"$tree"}"
        lacks "$(readelf -W -S "$file")" "\.(debug_info|symtab)" "$file"
        debug=$tree/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug
        [ -n "$id" ] && [ -e "$debug" ] || fail "$file has no debug information in a package"
        contains "$(readelf -W -S "$debug")" "\.debug_line" "$debug"
        say "$id"
    done < <(find "$tree/usr/bin" "$tree/usr/libexec" "$tree"/usr/lib/*/NetworkManager -type f -exec sh -c 'readelf -h "$1" >/dev/null 2>&1' - {} \; -print) >"$WORK/packed"
    cat "$WORK/packed"
    diff <(for file in "${BINARIES[@]}"; do build_id "$file"; done | sort) <(grep -E '^[0-9a-f]{32,}$' "$WORK/packed" | sort) ||
        fail "< built, > packed"
}
