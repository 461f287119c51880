# shellcheck shell=bash
# The packages for Fedora and openSUSE, made here of what `make` has built.

rpm_cases() {
    run_case "rpm: built" rpm_build
    run_case "rpm: rpmlint has nothing to say" rpm_lint
    run_case "rpm: the files of make install" rpm_payload
    run_case "rpm: what the packages need" rpm_needs
    run_case "rpm: the licences of the crates" rpm_licence
    run_case "rpm: installed and removed" rpm_installed
}

rpm_build() { packaging/rpm/build "$WORK/rpm" --with apparmor || fail "rpmbuild"; }

rpm_lint() {
    local said
    said=$(rpmlint --rpmlintrc packaging/rpm/NetworkManager-sstp.rpmlintrc packaging/rpm/NetworkManager-sstp.spec "$WORK"/rpm/*.rpm 2>&1)
    say "$said"
    grep -q ' 0 errors, 0 warnings' <<<"$said" || fail "rpmlint has something to say"
}

rpm_payload() {
    local file plugins; plugins=$(rpm --eval '%{_lib}')/NetworkManager
    mkdir "$WORK/payload"
    for file in "$WORK"/rpm/*.rpm; do
        (cd "$WORK/payload" && rpm2cpio "$file" | bsdtar -xf -) || fail "$file cannot be unpacked"
    done
    # libraries: see the spec
    in_both "$(listed PREFIX=/usr LIBEXECDIR=libexec PLUGINDIR="$plugins" DOCDIR=share/doc/NetworkManager-sstp APPARMOR=yes |
        sed 's/^644 \(.*\.so\)$/755 \1/' | sort)" \
        "$(files_of "$WORK/payload" | beside)"
}

# The settings of desktops bring the toolkits, the other package does not.
rpm_needs() {
    local needs
    needs=$(rpm -qp --requires "$WORK"/rpm/NetworkManager-sstp-"$VERSION"-*.rpm)
    contains "$needs" '^libssl\.so' "what the one package needs"
    contains "$needs" '^libnm\.so' "what the one package needs"
    contains "$needs" '^libgssapi_krb5\.so' "what the one package needs"
    lacks "$needs" 'libgtk|libadwaita' "what the one package needs"
    needs=$(rpm -qp --requires "$WORK"/rpm/NetworkManager-sstp-gnome-*.rpm)
    contains "$needs" '^libgtk-3\.so' "what the other package needs"
    contains "$needs" '^libgtk-4\.so' "what the other package needs"
    contains "$needs" "^NetworkManager-sstp\(.*\) = 2:$VERSION-1" "what the other package needs"
    lacks "$(rpm -qp --provides "$WORK"/rpm/*.rpm)" '^libnm-.*\.so' "what the packages provide"
}

rpm_installed() {
    local root=$WORK/root left; mkdir "$root"
    rpm() { command rpm --root "$root" --dbpath /var/lib/rpm "$@"; }
    rpm --initdb || fail "rpm --initdb"
    rpm --install --nodeps "$WORK"/rpm/*.rpm 2>&1 || fail "rpm --install"
    rpm --verify --nodeps NetworkManager-sstp NetworkManager-sstp-gnome || fail "rpm --verify"
    [ -x "$root/usr/libexec/nm-sstp-service" ] || fail "the helper is not there"
    "$root/usr/bin/sstpctl" --version || fail "it does not run"
    rpm --erase NetworkManager-sstp-gnome NetworkManager-sstp 2>&1 || fail "rpm --erase"
    # directories of the distribution's own packages
    find "$root" -depth -type d -empty -delete
    left=$(cd "$root" && find . -path ./var/lib/rpm -prune -o ! -path ./var/lib ! -path ./var ! -path . -print)
    [ -z "$left" ] || fail "this was left: $left"
}

# terms: the parts of licences between ANDs, one a line, each with its alternatives in the same order
terms() {
    local term
    sed 's/ AND /\n/g; s/[()]//g' | while read -r term; do sed 's/ OR /\n/g' <<<"$term" | sort | paste -sd+; done | sort -u
}

# The expression of the package is made of the licences of all crates, and of nothing else.
rpm_licence() {
    diff <({ say "MIT OR Apache-2.0"; sed -n 's/^[a-zA-Z0-9_-]* [0-9][^ ]*: //p' packaging/bom/licences.txt; } | terms) \
        <(rpm -qp --queryformat '%{LICENSE}\n' "$WORK"/rpm/NetworkManager-sstp-"$VERSION"-*.rpm | terms) ||
        fail "< packaging/bom/licences.txt, > the License of the spec"
}
