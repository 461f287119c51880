# shellcheck shell=bash
# Import and export by nmcli, which runs the plugin in its own process.

# file_case NAME FUNCTION [ARGUMENT]...: with a directory to work in, and without connections.
file_case() {
    FILES=$LAB_RUN/files
    rm -rf "$FILES" && mkdir -p "$FILES"
    run_case "$@"
    nmcli --terse --fields UUID,TYPE connection show | sed -n 's/:vpn$//p' | xargs -r nmcli connection delete >/dev/null 2>&1
}

# import FILE: sets STATUS, OUTPUT and ERRORS; imported: it must work, and NAME is the connection's.
import() {
    OUTPUT=$(timeout 20 nmcli connection import type sstp file "$1" 2>"$FILES/errors"); STATUS=$?
    ERRORS=$(cat "$FILES/errors")
}
imported() {
    import "$1"
    [ "$STATUS" = 0 ] || fail "nmcli exited with $STATUS: $OUTPUT $ERRORS"
    NAME=$(sed -n "s/^Connection '\(.*\)' (.*) successfully added\.$/\1/p" <<<"$OUTPUT")
    [ -n "$NAME" ] || fail "nmcli said: $OUTPUT"
}
# refused_import FILE PATTERN: an error by nmcli, not the end of nmcli.
refused_import() {
    import "$1"
    [ "$STATUS" = 1 ] || fail "nmcli exited with $STATUS: $OUTPUT $ERRORS"
    contains "$ERRORS" "$2" "the error for $1"
}
export_as() { nmcli connection export "$1" "$2" || fail "nmcli connection export $1 $2"; }

# value CONNECTION PROPERTY
value() { nmcli --terse --get-values "$2" --escape no connection show "$1"; }
# is CONNECTION PROPERTY VALUE
is() {
    local is; is=$(value "$1" "$2")
    [ "$is" = "$3" ] || fail "$2 of $1 is \"$is\", not \"$3\""
}

# settings CONNECTION: all that NetworkManager knows of it, but for what is its own.
settings() {
    nmcli --terse --show-secrets connection show "$1" |
        grep -vE '^(connection\.(uuid|timestamp|id)|GENERAL|IP[46]|VPN)'
}
same() { diff <(settings "$1") <(settings "$2") || fail "$1 and $2 differ"; }

exported_symbols() {
    local library exported
    for library in libnm-vpn-plugin-sstp:nm_vpn_editor_plugin_factory \
        libnm-{,gtk4-}vpn-plugin-sstp-editor:"nm_vpn_editor_factory_sstp nm_vpn_import_choice_sstp"; do
        exported=$(nm -D --defined-only "$PLUGIN_DIR/${library%:*}.so" | awk '{ print $3 }' | sort | xargs)
        [ "$exported" = "${library#*:}" ] || fail "${library%:*} exports: $exported"
    done
    if ldd "$PLUGIN_DIR/libnm-vpn-plugin-sstp.so" | grep -i gtk; then fail "nmcli has no use for GTK"; fi
}

# a connection with something in every setting
full() {
    nmcli --terse connection add type vpn vpn-type sstp con-name "$1" autoconnect no vpn.user-name bob vpn.timeout 33 \
        vpn.persistent yes ipv4.never-default yes ipv4.routes "10.0.0.0/8 7, 192.168.4.0/24" ipv4.dns 10.0.0.53 \
        ipv4.dns-search corp.example ipv4.ignore-auto-dns yes ipv6.method disabled \
        vpn.data "gateway=vpn.example.com:4443, user=CORP\\alice, password-flags=1, refuse-pap=yes, ca-cert=/etc/ssl/a b.pem" \
        >/dev/null || fail "nmcli cannot add the connection"
}

added_by_type() {
    nmcli --terse connection add type vpn vpn-type sstp con-name short vpn.data gateway=vpn.example.com >/dev/null ||
        fail "nmcli connection add"
    is short vpn.service-type org.freedesktop.NetworkManager.sstp
}

round_trip_keyfile() {
    full work
    nmcli connection modify work +vpn.data "unknown=kept as it is" connection.zone home ipv4.route-metric 99 \
        connection.permissions user:root
    export_as work "$FILES/work.nmconnection"
    [ "$(stat -c %a "$FILES/work.nmconnection")" = 600 ] || fail "others may read it"
    nmcli connection modify work connection.id old
    imported "$FILES/work.nmconnection"
    [ -z "$ERRORS" ] || fail "it said: $ERRORS"
    is work connection.id work
    same old work
}

# What a format of another program can say comes back from it.
round_trip() { # ENDING
    nmcli --terse connection add type vpn vpn-type sstp con-name work autoconnect no \
        vpn.data "gateway=vpn.example.com:4443, user=alice, refuse-pap=yes, refuse-chap=yes, refuse-eap=yes" >/dev/null ||
        fail "nmcli cannot add the connection"
    export_as work "$FILES/work.$1"
    nmcli connection modify work connection.id old
    imported "$FILES/work.$1"
    is "$NAME" vpn.service-type org.freedesktop.NetworkManager.sstp
    contains "$(value "$NAME" vpn.data)" 'gateway = vpn\.example\.com:4443' "vpn.data"
    export_as "$NAME" "$FILES/again.$1"
    # a phone book's entry has a GUID of its own each time; comments say what is not there
    diff <(grep -vE '^((DialParamsUID|Guid)=|#)' "$FILES/work.$1") <(grep -vE '^((DialParamsUID|Guid)=|#)' "$FILES/again.$1") ||
        fail "the second export is another one"
}

# Whatever a file of the tests of the formats holds: it is imported, each of its connections, or refused by name.
golden_files() {
    local file first some=
    for file in tests/exchange/*; do
        [[ $file != *expected ]] || continue
        import "$file"
        # of several, the one that the sentence names
        first=$(grep -o "'$file#[^']*'" <<<"$ERRORS" | tr -d "'")
        [ -z "$first" ] || import "$first"
        say "$file: $STATUS $OUTPUT $ERRORS"
        case $STATUS in
            0) some+=. ;;
            1) [[ $file == *openvpn* ]] && contains "$ERRORS" "failed to import.*openvpn" "the error for $file" ;;
            *) fail "nmcli exited with $STATUS" ;;
        esac
    done
    [ ${#some} -ge 10 ] || fail "only ${#some} could be imported"
}

phone_book() {
    local name
    for name; do
        printf '[%s]\r\nEncoding=1\r\nPBVersion=8\r\nType=2\r\nVpnStrategy=%s\r\n' "$name" "${STRATEGY:-5}"
        printf 'DEVICE=vpn\r\nPhoneNumber=%s.example.com\r\nIpPrioritizeRemote=0\r\nCustomDialDll=%s\r\n\r\n' "${name//[ #]/-}" "${DLL-}"
    done
}

several_entries() {
    phone_book Office "Home #2" Café >"$FILES/rasphone.pbk"
    refused_import "$FILES/rasphone.pbk" "Office.*Home #2.*Café"
    contains "$ERRORS" "rasphone\.pbk#Office" "the error"
    imported "$FILES/rasphone.pbk#Home #2"
    [ "$NAME" = "Home #2" ] || fail "it is called $NAME"
    contains "$(value "$NAME" vpn.data)" 'gateway = Home--2\.example\.com' "vpn.data"
    # it knows no passwords: agents ask for it, and keep it
    contains "$(value "$NAME" vpn.data)" 'password-flags = 1' "vpn.data"
    refused_import "$FILES/rasphone.pbk#Nowhere" "Nowhere.*Office"
    phone_book Office >"$FILES/with#sign.pbk"
    imported "$FILES/with#sign.pbk"
}

wide_characters() {
    { printf '\xff\xfe'; phone_book Büro | iconv -f UTF-8 -t UTF-16LE; } >"$FILES/rasphone.pbk"
    imported "$FILES/rasphone.pbk"
    [ "$NAME" = Büro ] || fail "it is called $NAME"
    is Büro ipv4.never-default yes
}

said_what_is_left() {
    DLL=x.dll phone_book Office >"$FILES/rasphone.pbk"
    printf '[Dial-up]\r\nPBVersion=8\r\nType=1\r\nDEVICE=modem\r\nPhoneNumber=555\r\n' >>"$FILES/rasphone.pbk"
    imported "$FILES/rasphone.pbk"
    contains "$ERRORS" "Dial-up" "what nmcli wrote to standard error"
    contains "$ERRORS" "CustomDialDll" "what nmcli wrote to standard error"
    # in the file that is written, too: programs with windows show what is on standard error to nobody
    full work
    local said; said=$(nmcli connection export work "$FILES/work.rsc" 2>&1) || fail "nmcli connection export: $said"
    contains "$said" '^ca-cert was left out: ' "what nmcli wrote to standard error"
    contains "$(cat "$FILES/work.rsc")" '^# ca-cert was left out: ' "the file"
}

secrets_stay() {
    printf 'gateway = "vpn.example.com"\nuser = "alice"\n' >"$FILES/none.toml"
    cat >"$FILES/work.nmconnection" <<KEYFILE
[connection]
id=work
uuid=6e4d8c1e-2f3a-4b5c-8d7e-9f0a1b2c3d4e
type=vpn

[vpn]
gateway=vpn.example.com
user=alice
password-flags=0
proxy-password=also-secret
service-type=org.freedesktop.NetworkManager.sstp

[vpn-secrets]
password=hunter2
KEYFILE
    imported "$FILES/work.nmconnection"
    local secrets; secrets=$(nmcli --terse --show-secrets --get-values vpn.secrets connection show work)
    contains "$secrets" 'password = hunter2' "vpn.secrets"
    contains "$secrets" 'proxy-password = also-secret' "vpn.secrets"
    lacks "$(value work vpn.data)" "also-secret" "vpn.data"
    lacks "$OUTPUT$ERRORS" "hunter2|also-secret" "what nmcli said"
    for ending in nmconnection toml pbk rsc; do
        export_as work "$FILES/out.$ending"
        lacks "$(cat "$FILES/out.$ending")" "hunter2|also-secret" "out.$ending"
    done
}

uuid_of_its_own() {
    full work
    export_as work "$FILES/work.nmconnection"
    imported "$FILES/work.nmconnection"
    [ "$(nmcli --terse --fields NAME connection show | grep -cx work)" = 2 ] || fail "there are not two"
}

unknown_keys_stay() {
    full work
    nmcli connection modify work +vpn.data "unknown=kept"
    nmcli connection modify work +vpn.data "mtu=1300"
    contains "$(value work vpn.data)" 'unknown = kept' "vpn.data"
    is work vpn.user-name bob
    is work vpn.timeout 33
}

exported_to_stdout() {
    full work
    local text; text=$(nmcli connection export work) || fail "nmcli connection export"
    contains "$text" '^gateway=vpn\.example\.com:4443$' "what was exported"
}

hostile_files() {
    head -c 100000 /dev/urandom >"$FILES/noise"
    refused_import "$FILES/noise" "no known kind"
    : >"$FILES/empty"
    refused_import "$FILES/empty" "no known kind"
    head -c 3000000 /dev/zero | tr '\0' '[' >"$FILES/large.pbk"
    refused_import "$FILES/large.pbk" "too large"
    refused_import /dev/zero "too large"
    printf '[connection]\nid=x\ntype=wifi\n[wifi]\nssid=x\n' >"$FILES/wifi.nmconnection"
    refused_import "$FILES/wifi.nmconnection" "VPN|SSTP"
    printf 'client\nremote vpn.example.com 1194\ndev tun\n' >"$FILES/other.ovpn"
    refused_import "$FILES/other.ovpn" "no known kind"
    printf '[vpn]\nservice-type=org.freedesktop.NetworkManager.sstp\ngateway=x\n[\n' >"$FILES/broken.nmconnection"
    refused_import "$FILES/broken.nmconnection" "Line 4"
}

unreadable() {
    refused_import "$FILES/nowhere.pbk" "cannot be read.*No such file"
    refused_import "$FILES" "cannot be read.*directory"
    full work
    local said; said=$(nmcli connection export work /nowhere/x.toml 2>&1) && fail "it was exported"
    contains "$said" "/nowhere/x\.toml cannot be written" "the error"
}
