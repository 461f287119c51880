# shellcheck shell=bash
# The cases: one line each, in a table that says who logs in how, at which server, and what the server must say.

# Servers that ask a RADIUS server; the name of a column below, and its port.
declare -A AUTH_PORT=([pap]=600 [chap-md5]=601 [mschapv2]=602 [eap]=603 [eap12]=604 [eap-start]=605 [silent]=606 [bypass]=607 [hostapd13]=608 [hostapd12]=609
    [again]=610 [again12]=611 [hostapd13-again]=612 [hostapd12-again]=613
    [slow]=614 [both]=615)
BYPASS_COOKIE=ClientHTTPCookie=lab

servers_up() {
    local name
    for name in pap chap-md5 mschapv2 eap; do auth_server $name "$RADIUS13" --auth $name; done
    auth_server eap12 "$RADIUS12" --auth eap --hash sha1
    auth_server both "$RADIUS13" --auth eap,mschapv2
    auth_server eap-start "$RADIUS13" --auth eap --misbehave eap-start
    auth_server slow "$RADIUS13" --auth mschapv2 --misbehave slow-auth
    auth_server silent 127.0.0.1:9 --auth mschapv2                      # nobody listens there
    auth_server bypass "$RADIUS13" --auth mschapv2 --bypass-cookie $BYPASS_COOKIE
}

auth_server() { # NAME RADIUS ARGUMENT...
    server_up "server-$1" "${AUTH_PORT[$1]}" --radius "$2" --radius-secret "$RADIUS_SECRET" "${@:3}"
}

# What the server's log has to say of the login: the method as RADIUS knows it, and the octets of the two keys that came
# from there; the Compound MAC is always verified.
NO_KEYS='no keys from RADIUS'
KEYS16='keys from RADIUS: 16 and 16 octets'
KEYS32='keys from RADIUS: 32 and 32 octets'

# login SERVER USER PASSWORD EXPECTED [KEY=VALUE]...: up, a ping, down; the server's log has EXPECTED, a regular
# expression. A PASSWORD of - is none.
login() {
    local server=$1 user=$2 password=$3 expected=$4 log; shift 4
    auth_mark "$server"
    auth_profile "$server" "$user" "$password" "$@"
    up vpn; succeeded; connected "${AUTH_PORT[$server]}"
    log=$(auth_log "$server")
    contains "$log" "$expected" "the server's log"
    contains "$log" "user '.*' is authenticated by" "the server's log"
    contains "$log" "the call is connected, the Compound MAC is verified" "the server's log"
    down vpn
}

# login_refused SERVER USER PASSWORD EXPECTED SENTENCE [KEY=VALUE]...: the same, but it must not come up; SENTENCE is what
# the helper's log has.
login_refused() {
    local server=$1 user=$2 password=$3 expected=$4 sentence=$5; shift 5
    auth_mark "$server"
    auth_profile "$server" "$user" "$password" "$@"
    up vpn; refused 'secrets|failed|Unknown reason' "$sentence"
    contains "$(auth_log "$server")" "$expected" "the server's log"
    lacks "$(auth_log "$server")" "the call is connected" "the server's log"
}

# login_asked SERVER USER PASSWORD ANSWERS PROMPT EXPECTED [KEY=VALUE]...: as login, with a person who types ANSWERS, lines,
# where nmcli asks; its output has PROMPT. What it fills in is taken away first (Ctrl-U).
login_asked() {
    local server=$1 user=$2 password=$3 answers=$4 prompt=$5 expected=$6; shift 6
    auth_mark "$server"
    auth_profile "$server" "$user" "$password" "$@"
    ask "$answers"; succeeded; connected "${AUTH_PORT[$server]}"
    contains "$OUTPUT" "$prompt" "nmcli's output"
    contains "$(auth_log "$server")" "$expected" "the server's log"
    contains "$(auth_log "$server")" "the call is connected, the Compound MAC is verified" "the server's log"
    down vpn
}
ask() { OUTPUT=$(timeout 100 nmcli --ask --wait 90 connection up vpn 2>&1 <<<"$(sed 's/^/\x15/' <<<"$1")"); STATUS=$?; }

# A password that has expired is changed on the way, is kept, and works the next time.
password_changed() { # SERVER USER EXPECTED [KEY=VALUE]...
    local server=$1 user=$2 expected=$3; shift 3
    login_asked "$server" "$user" old-password $'brand new 1\nbrand new 1' 'has expired' "$expected" "$@"
    auth_mark "$server"
    up vpn; succeeded; connected "${AUTH_PORT[$server]}"
    down vpn
}

# The bypass of MS-SSTP 3.2.4.1: no authentication inside, and a Compound MAC that is made of no key. A program put the
# cookie into the profile, and nobody is asked for a password.
cookie_profile() { # COOKIE
    auth_mark bypass
    auth_profile bypass alice -
    nmcli connection modify vpn vpn.secrets "http-cookie=$1" || fail "nmcli cannot store the cookie"
    up vpn
}
cookie_taken() {
    cookie_profile $BYPASS_COOKIE
    succeeded; connected "${AUTH_PORT[bypass]}"
    contains "$(auth_log bypass)" "the call is connected, the Compound MAC is verified" "the server's log"
    lacks "$(auth_log bypass)" "RADIUS:|authentication by" "the server's log"
    lacks "$(new_log)" "$BYPASS_COOKIE" "the log"
    down vpn
}
cookie_refused() {
    cookie_profile ClientHTTPCookie=other
    refused 'failed|Unknown reason' "cookie"
    lacks "$(auth_log bypass)" "the call is connected" "the server's log"
}

# A server that answers the login 20 s late, as one does that waits for an approval. It begins before other cases that leave
# the client alone, and is judged behind them.
slow_login_begins() {
    [[ "a login that is answered late" =~ ${CASE:-} ]] || return 0
    LOG_START=$(stat -c %s "$(log_of NetworkManager)")
    auth_mark slow
    auth_profile slow alice wonderland
    { timeout 100 nmcli --wait 90 connection up vpn; say "status $?"; } >"$LAB_RUN/slow" 2>&1 &
}
slow_login_case() {
    local LOG_BEFORE=${LOG_START-0}
    vpn_case "a login that is answered late" slow_login
}
slow_login() {
    local log
    wait_for 30 grep -q '^status' "$LAB_RUN/slow" || fail "nmcli still waits"
    contains "$(cat "$LAB_RUN/slow")" '^status 0$' "nmcli's output"
    connected "${AUTH_PORT[slow]}"
    LOG_START=$LOG_BEFORE
    log=$(new_log | grep -E 'has not answered the login yet|Connected to')
    contains "$(head -1 <<<"$log")" "has not answered the login yet" "the log"
    contains "$(sed -n 2p <<<"$log")" "Connected to" "the log"
    down vpn
}

# Nothing of a one-time code is kept.
code_forgotten() {
    login_asked eap alice wonderland wonderland 'Password:' 'EAP type 6 .* accepted' eap=gtc otp-flags=2 "${EAP_ONLY[@]}"
    lacks "$(cat /etc/NetworkManager/system-connections/vpn*.nmconnection)" '^(otp|x-dynamic-challenge:otp)=' "the connection's file"
}

# A profile that says nothing of EAP, and a server that wants first what there is not, or a certificate that nobody told us
# to trust: it connects where the server takes something else, and says what was wanted where it does not.
something_else() { # ACCOUNT WANTED
    login both "$1" wonderland "RADIUS: mschapv2 accepted, $KEYS16"
    contains "$(new_log)" "Trying again without that: .*$2" "the log"
    nmcli connection delete vpn >/dev/null || fail "nmcli connection delete"
    login_refused eap "$1" wonderland "the client wants EAP types" "failed: .*$2"
}

auth_profile() { # SERVER USER PASSWORD [KEY=VALUE]...
    local VPN_USER=$2 server=$1 password=$3; shift 3
    profile vpn gateway=$SERVER_NAME:"${AUTH_PORT[$server]}" "$@"
    [ "$password" = - ] || store vpn "$password"
}

# The part of a server's log that belongs to the case.
auth_mark() { AUTH_START=$(stat -c %s "$(log_of "server-$1")"); }
auth_log() { tail -c "+$((AUTH_START + 1))" "$(log_of "server-$1")"; }

# The client is left no method but EAP.
EAP_ONLY=(refuse-pap=yes refuse-chap=yes refuse-mschapv2=yes)

login_cases() {
    local alice=(alice wonderland)
    auth_case "PAP" login pap "${alice[@]}" "RADIUS: pap accepted, $NO_KEYS"
    auth_case "CHAP-MD5" login chap-md5 "${alice[@]}" "RADIUS: chap-md5 accepted, $NO_KEYS"
    auth_case "MS-CHAPv2" login mschapv2 "${alice[@]}" "RADIUS: mschapv2 accepted, $KEYS16"
    auth_case "MS-CHAPv2, account of RFC 2759" login mschapv2 User clientPass "RADIUS: mschapv2 accepted, $KEYS16"
    auth_case "MS-CHAPv2, a password beyond ASCII" login mschapv2 alma "Zürich 8€" "RADIUS: mschapv2 accepted, $KEYS16"
    auth_case "EAP-MSCHAPv2" login eap "${alice[@]}" "EAP type 26 .* accepted, $KEYS16" "${EAP_ONLY[@]}"
    auth_case "EAP-MD5" login eap "${alice[@]}" "EAP type 4 .* accepted, $NO_KEYS" "${EAP_ONLY[@]}" eap=md5
    auth_case "EAP-MSCHAPv2, offered first" login eap mschapv2-first wonderland "EAP type 26 .* accepted, $KEYS16" "${EAP_ONLY[@]}"
    auth_case "EAP-MSCHAPv2, crypto binding by SHA-1" login eap12 "${alice[@]}" "EAP type 26 .* accepted, $KEYS16" "${EAP_ONLY[@]}"
    auth_case "EAP-MSCHAPv2, RADIUS asks for the identity" login eap-start "${alice[@]}" "EAP type 26 .* accepted, $KEYS16" "${EAP_ONLY[@]}"

    local method
    for method in pap chap-md5 mschapv2; do
        auth_case "wrong password by $method" login_refused $method alice looking-glass "RADIUS: $method rejected" "refused user name or password"
    done
    auth_case "wrong password by EAP-MSCHAPv2" login_refused eap alice looking-glass "the client wants EAP types \\[26" "refused user name or password" "${EAP_ONLY[@]}"
    auth_case "a user that nobody knows" login_refused mschapv2 mallory wonderland "RADIUS: mschapv2 rejected" "refused user name or password"
    auth_case "expired password, and nobody to ask" login_refused mschapv2 expired old-password "rejected: E=648" "password has expired"
    auth_case "another password, in the same call" login_asked mschapv2 alice looking-glass wonderland "Try again" "RADIUS: mschapv2 accepted, $KEYS16"
    auth_case "another password by EAP-MSCHAPv2" login_asked eap alice looking-glass wonderland "Try again" "EAP type 26 .* accepted, $KEYS16" "${EAP_ONLY[@]}"
    auth_case "another password by PAP, in another call" login_asked pap alice looking-glass wonderland "Try again" "RADIUS: pap accepted"
    auth_case "expired password changed" password_changed mschapv2 expired "RADIUS: .*accepted, $KEYS16"
    auth_case "expired password changed by EAP-MSCHAPv2" password_changed eap expired-eap "EAP type 26 .* accepted, $KEYS16" "${EAP_ONLY[@]}"
    auth_case "expired password changed inside PEAP" password_changed eap expired-eap "EAP type 25 .* accepted, $KEYS32" "${EAP_ONLY[@]}" eap=peap phase2-auth=mschapv2 tls-ca-cert="$PKI/radius-ca.pem"
    auth_case "one-time code" code_forgotten
    auth_case "RADIUS is silent" login_refused silent alice wonderland "the RADIUS server does not answer" "password"
    auth_case "no cookie at a server that takes one" login bypass "${alice[@]}" "RADIUS: mschapv2 accepted, $KEYS16"
    auth_case "cookie in place of a login" cookie_taken
    auth_case "wrong cookie" cookie_refused

    local row name server expected keys arguments
    while IFS='|' read -r name server expected keys; do
        [ -n "$name" ] || continue
        # shellcheck disable=SC2206 # words
        arguments=($keys)
        auth_case "$name" login "$server" "${alice[@]}" "$expected" "${EAP_ONLY[@]}" "${arguments[@]}"
    done <<<"$(eap_table)"

    local trust="tls-ca-cert=$PKI/radius-ca.pem" tls="connection-type=tls tls-identity=alice" name
    # shellcheck disable=SC2086 # words
    for name in "PEAP-GTC|eap|eap=peap phase2-auth=gtc" "PEAP-GTC, TLS 1.2|eap12|eap=peap phase2-auth=gtc" "TTLS-EAP-GTC|eap|eap=ttls phase2-auth=gtc"; do
        IFS='|' read -r name server keys <<<"$name"
        auth_case "$name" login_asked "$server" "${alice[@]}" wonderland 'Password:' "EAP type (21|25) .* accepted, $KEYS32" "${EAP_ONLY[@]}" $trust $keys
    done
    auth_case "PEAP of a stranger first, then MS-CHAPv2" something_else peap-first "tls-fingerprint"
    auth_case "EAP-TLS first, then MS-CHAPv2" something_else tls-first "asks for EAP-TLS"
    # shellcheck disable=SC2086 # words
    certificate_cases $trust $tls
}
# A case; everybody has the first password again.
auth_case() {
    radius_forget
    vpn_case "$@"
}

# Certificates: what is shown, what is trusted, what is not. The arguments are the keys that all of them have.
certificate_cases() {
    local expected="EAP type 13 .* accepted, $KEYS32" clear=(tls-user-cert="$PKI/alice.pem" tls-user-key="$PKI/alice-clear.key")
    local locked=(tls-user-cert="$PKI/alice.pem" tls-user-key="$PKI/alice.key") name
    local token=(tls-user-cert="pkcs11:token=lab;object=alice" tls-user-key="pkcs11:token=lab;object=alice")
    auth_case "EAP-TLS, passphrase stored" stored_passphrase "$PKI_PASSWORD" "$expected" "$@" "${locked[@]}"
    auth_case "EAP-TLS, passphrase asked for" login_asked eap alice - "$PKI_PASSWORD" 'ertificate password' "$expected" "$@" "${locked[@]}"
    auth_case "EAP-TLS, wrong passphrase, then the right one" login_asked eap alice - "wrong"$'\n'"$PKI_PASSWORD" 'did not open' "$expected" "$@" "${locked[@]}"
    auth_case "EAP-TLS, PKCS#12" login_asked eap alice - "$PKI_PASSWORD" 'ertificate password' "$expected" "$@" tls-user-cert="$PKI/alice.p12" tls-user-key="$PKI/alice.p12"
    auth_case "EAP-TLS, key on a token, PIN asked for" login_asked eap alice - "$PKI_PIN" 'PIN|ertificate password' "$expected" "$@" "${token[@]}"
    auth_case "EAP-TLS, key on a token, PIN stored" stored_passphrase "$PKI_PIN" "$expected" "$@" "${token[@]}"
    auth_case "EAP-TLS, key on a token, wrong PIN, then the right one" login_asked eap alice - "1234"$'\n'"$PKI_PIN" 'did not open' "$expected" "$@" "${token[@]}"
    auth_case "EAP-TLS, the server's fingerprint" login eap alice - "$expected" "$@" "${clear[@]}" tls-ca-cert="$PKI/ca.pem" tls-fingerprint="$(fingerprint "$PKI/radius.pem")"
    auth_case "EAP-TLS, CRL of the server's authority" login eap alice - "$expected" "$@" "${clear[@]}" crl-file="$PKI/radius-ca.crl"
    auth_case "EAP-TLS, a file that only its owner can read" private_file "$expected" "$@"

    for name in expired revoked stranger; do
        auth_case "EAP-TLS, certificate $name" certificate_refused eap $name "$@"
        auth_case "EAP-TLS 1.2, certificate $name" certificate_refused eap12 $name "$@"
    done
    auth_case "EAP-TLS, server of an unknown authority" login_refused eap alice - "client" "is not trusted|unknown|fingerprint" "$@" "${clear[@]}" tls-ca-cert="$PKI/ca.pem"
    auth_case "EAP-TLS, server of another name" login_refused eap alice - "client" "$RADIUS_NAME" "$@" "${clear[@]}" tls-remotename=other.lab.test
    auth_case "EAP-TLS, another fingerprint" login_refused eap alice - "client" "fingerprint" "$@" "${clear[@]}" tls-fingerprint="$(fingerprint "$PKI/server.pem")"
    auth_case "PEAP, server of an unknown authority" login_refused eap alice wonderland "client" "$RADIUS_NAME" eap=peap "${EAP_ONLY[@]}"
    auth_case "EAP-TLS, no such file" login_refused eap alice - "" "$PKI/nowhere.pem" "$@" tls-user-cert="$PKI/nowhere.pem"
}

fingerprint() { openssl x509 -in "$1" -noout -fingerprint -sha256 | cut -d= -f2; }

stored_passphrase() { # PASSPHRASE EXPECTED [KEY=VALUE]...
    local passphrase=$1 expected=$2; shift 2
    auth_mark eap
    auth_profile eap alice - "$@"
    nmcli connection modify vpn +vpn.data tls-user-key-secret-flags=0 vpn.secrets "tls-user-key-secret=$passphrase" || fail "nmcli cannot store the passphrase"
    up vpn; succeeded; connected "${AUTH_PORT[eap]}"
    contains "$(auth_log eap)" "$expected" "the server's log"
    down vpn
}

# Our own eyes see that a certificate is of no use any more; that it was revoked, only the server's do.
certificate_refused() { # SERVER NAME [KEY=VALUE]...
    local server=$1 name=$2 sentence; shift 2
    case $name in expired) sentence="expired on" ;; *) sentence="certificate" ;; esac
    login_refused "$server" alice - "" "$sentence" "$@" tls-user-cert="$PKI/alice-$name.pem" tls-user-key="$PKI/alice-$name.key"
}

# The connection belongs to a user, and so do the files: root's own may not be read for them (CVE-2025-9615).
private_file() { # EXPECTED [KEY=VALUE]...
    local expected=$1 home=$LAB_RUN/home name; shift
    mkdir -p "$home" && chmod 711 "$home" && chmod 711 "$LAB_RUN"
    for name in alice.pem alice-clear.key radius-ca.pem ca.pem; do install -o games -m 600 "$PKI/$name" "$home/$name"; done
    auth_mark eap
    auth_profile eap alice - "$@" ca-cert="$home/ca.pem" tls-ca-cert="$home/radius-ca.pem" tls-user-cert="$home/alice.pem" tls-user-key="$home/alice-clear.key"
    nmcli connection modify vpn connection.permissions games || fail "nmcli cannot give the connection to a user"
    up vpn; succeeded; connected "${AUTH_PORT[eap]}"
    contains "$(auth_log eap)" "$expected" "the server's log"
    down vpn
    chown root "$home/alice-clear.key"
    up vpn; refused 'failed|Unknown reason' "alice-clear.key cannot be read as user games"
}

# The EAP methods: NAME|SERVER|EXPECTED|KEYS.
eap_table() {
    local version server tls="connection-type=tls tls-ca-cert=$PKI/radius-ca.pem tls-remotename=$RADIUS_NAME tls-identity=alice"
    local tunnel="tls-ca-cert=$PKI/radius-ca.pem tls-remotename=$RADIUS_NAME anonymous-identity=anonymous"
    local key="tls-user-cert=$PKI/alice.pem tls-user-key=$PKI/alice-clear.key"
    local long="tls-user-cert=$PKI/alice-chain.pem tls-user-key=$PKI/alice-clear.key"
    for version in 1.2 1.3; do
        case $version in 1.2) server=eap12 ;; 1.3) server=eap ;; esac
        cat <<TABLE
EAP-TLS $version|$server|EAP type 13 .* accepted, $KEYS32|$tls $key
PEAP-MSCHAPv2, TLS $version|$server|EAP type 25 .* accepted, $KEYS32|eap=peap phase2-auth=mschapv2 $tunnel
PEAP-TLS, TLS $version|$server|EAP type 25 .* accepted, $KEYS32|$tls $key eap=peap anonymous-identity=anonymous
PEAP-TLS with a chain of certificates, TLS $version|$server|EAP type 25 .* accepted, $KEYS32|$tls $long eap=peap
TTLS-EAP-TLS, TLS $version|$server|EAP type 21 .* accepted, $KEYS32|$tls $key eap=ttls anonymous-identity=anonymous
TTLS-PAP, TLS $version|$server|EAP type 21 .* accepted, $KEYS32|eap=ttls phase2-auth=pap $tunnel
TTLS-MSCHAPv2, TLS $version|$server|EAP type 21 .* accepted, $KEYS32|eap=ttls phase2-auth=mschapv2 $tunnel
TTLS-EAP-MSCHAPv2, TLS $version|$server|EAP type 21 .* accepted, $KEYS32|eap=ttls phase2-auth=eap-mschapv2 $tunnel
TABLE
    done
}
