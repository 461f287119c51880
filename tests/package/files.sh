# shellcheck shell=bash
# Words for packages as files.

# The programs and libraries, as they were built.
BINARIES=("$CARGO_TARGET_DIR"/release/{nm-sstp-service,nm-sstp-auth-dialog,sstpctl}
    "$CARGO_TARGET_DIR"/plugin/{nm-sstp-auth-window,libnm_vpn_plugin_sstp.so,libnm_sstp_editor_gtk{3,4}.so})

# listed VARIABLE=VALUE...: what `make install` brings with these, as "mode path"; directories are not listed.
listed() {
    rm -rf "$WORK/list"
    make -s install DESTDIR="$WORK/list" "$@" >/dev/null || fail "make install"
    files_of "$WORK/list"
}
files_of() { (cd "$1" && find . -type f -printf '%m %P\n' | sort); }

# What a package has beside that: documents and licences, and what rpm itself adds.
beside() { grep -vE ' usr/(share/(licenses/|doc/[^ ]*/[A-Za-z-]+\.md$)|lib/\.build-id)'; }

# in_both LIST PACKED: the two have the same lines
in_both() { diff <(printf '%s\n' "$1") <(printf '%s\n' "$2") || fail "< make install, > the packages"; }

build_id() { readelf -n "$1" | sed -n 's/.*Build ID: \([0-9a-f]\{32,\}\)$/\1/p'; }

# PIE, all of its relocations read-only before it runs, a number of its build, no stack that runs, no directory of its
# builder.
hardened() {
    local file header dynamic
    for file in "${BINARIES[@]}"; do
        header=$(readelf -hlW "$file") || fail "$file"
        dynamic=$(readelf -dW "$file")
        contains "$header" 'Type: +DYN' "$file"
        contains "$header" GNU_RELRO "$file"
        contains "$header" 'GNU_STACK .* RW ' "$file"
        contains "$dynamic" 'BIND_NOW|Flags:.* NOW' "$file"
        lacks "$dynamic" 'RPATH|RUNPATH|TEXTREL' "$file"
        [ -n "$(build_id "$file")" ] || fail "$file has no build id"
        ! grep -qFe "$TREE/" -e "$HOME/" -e "$CARGO_TARGET_DIR/" "$file" || fail "$file says where it was built"
    done
}
