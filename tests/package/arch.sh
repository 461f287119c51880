# shellcheck shell=bash
# Arch's packages: what can be seen of them where there is no Arch.

arch_cases() {
    run_case "Arch: built" arch_build
    run_case "Arch: the files of make install" arch_payload
    run_case "Arch: .SRCINFO" arch_srcinfo
}

# As makepkg's user, who is not root: it runs the functions that pack, on what is built already.
arch_build() {
    local tree=$WORK/arch/src/nm-sstp-$VERSION
    mkdir -p "$tree" && git -c safe.directory="$PWD" ls-files -z | xargs -0 cp --parents -t "$tree"
    cp packaging/arch/PKGBUILD "$WORK/arch"
    # only to be there: makepkg looks for what it would have unpacked
    touch "$WORK/arch/nm-sstp-$VERSION.tar.xz"
    for part in release/{nm-sstp-service,nm-sstp-auth-dialog,sstpctl,man,words,locale} plugin; do
        mkdir -p "$WORK/target/${part%/*}"
        case $part in
        plugin) mkdir -p "$WORK/target/plugin"; cp "$CARGO_TARGET_DIR"/plugin/{nm-sstp-auth-window,lib*.so} "$WORK/target/plugin" ;;
        *) cp -r "$CARGO_TARGET_DIR/$part" "$WORK/target/${part%/*}" ;;
        esac || fail "$part is not built"
    done
    chown -R nobody "$WORK/arch"
    (cd "$WORK/arch" && runuser -u nobody -- env HOME="$WORK/arch" CARGO_TARGET_DIR="$WORK/target" PKGEXT=.pkg.tar \
        makepkg --repackage --nodeps --nocheck --skipinteg --force 2>&1) || fail "makepkg"
}

arch_payload() {
    local file; mkdir "$WORK/arch/all"
    for file in "$WORK"/arch/nm-sstp-{,gnome-}"$VERSION"-1-*.pkg.tar; do
        bsdtar -xpf "$file" -C "$WORK/arch/all" || fail "$file cannot be unpacked"
        bsdtar -tf "$file" | grep -E '^(bin|sbin|lib|lib64|usr/(sbin|libexec|lib64))/' && fail "a place that Arch does not have"
    done
    in_both "$(listed PREFIX=/usr LIBEXECDIR=lib/nm-sstp PLUGINDIR=lib/NetworkManager APPARMOR=yes | sed 's/\(share\/man\/.*\)$/\1.gz/' | sort)" \
        "$(files_of "$WORK/arch/all" | grep -v ' \.[A-Z]' | beside)"
    grep -r /usr/libexec "$WORK/arch/all/usr/lib" "$WORK/arch/all/usr/share/dbus-1" && fail "a program that is elsewhere"
    return 0
}

arch_srcinfo() {
    (cd "$WORK/arch" && runuser -u nobody -- env HOME="$WORK/arch" makepkg --printsrcinfo) |
        diff packaging/arch/.SRCINFO - || fail "packaging/arch/.SRCINFO is not that of PKGBUILD: makepkg --printsrcinfo writes it"
}
