# shellcheck shell=bash
# The cases: one line each, in a table that says who logs in how, at which server, and what the server must say.

# Servers that ask FreeRADIUS; the name of a column below, and its port.
declare -A AUTH_PORT=([pap]=600 [chap-md5]=601 [mschapv2]=602 [eap]=603 [eap12]=604 [eap-start]=605 [silent]=606 [bypass]=607)
BYPASS_COOKIE=ClientHTTPCookie=lab

servers_up() {
    local name
    for name in pap chap-md5 mschapv2 eap; do auth_server $name "$RADIUS13" --auth $name; done
    auth_server eap12 "$RADIUS12" --auth eap --hash sha1
    auth_server eap-start "$RADIUS13" --auth eap --misbehave eap-start
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
    auth_case "EAP-MSCHAPv2, offered first" login eap mschapv2-first wonderland "EAP type 26 .* accepted, $KEYS16" "${EAP_ONLY[@]}"
    auth_case "EAP-MSCHAPv2, crypto binding by SHA-1" login eap12 "${alice[@]}" "EAP type 26 .* accepted, $KEYS16" "${EAP_ONLY[@]}"
    auth_case "EAP-MSCHAPv2, RADIUS asks for the identity" login eap-start "${alice[@]}" "EAP type 26 .* accepted, $KEYS16" "${EAP_ONLY[@]}"

    local method
    for method in pap chap-md5 mschapv2; do
        auth_case "wrong password by $method" login_refused $method alice looking-glass "RADIUS: $method rejected" "password"
    done
    auth_case "wrong password by EAP-MSCHAPv2" login_refused eap alice looking-glass "EAP type 26 .* rejected" "password" "${EAP_ONLY[@]}"
    auth_case "a user that nobody knows" login_refused mschapv2 mallory wonderland "RADIUS: mschapv2 rejected" "password"
    auth_case "expired password" login_refused mschapv2 expired old-password "rejected: E=648" "expired"
    auth_case "RADIUS is silent" login_refused silent alice wonderland "the RADIUS server does not answer" "password"
    auth_case "no cookie at a server that takes one" login bypass "${alice[@]}" "RADIUS: mschapv2 accepted, $KEYS16"

    local row name server expected keys arguments
    while IFS='|' read -r name server expected keys; do
        [ -n "$name" ] || continue
        # shellcheck disable=SC2206 # words
        arguments=($keys)
        auth_case "$name" login "$server" "${alice[@]}" "$expected" "${EAP_ONLY[@]}" "${arguments[@]}"
    done <<<"$(eap_table | grep -Ev '^ *#')"
}
auth_case() { vpn_case "$@"; }

# The EAP methods: NAME|SERVER|EXPECTED|KEYS. Lines with # are left out.
eap_table() {
    local version server tls="connection-type=tls tls-ca-cert=$PKI/radius-ca.pem tls-remotename=$RADIUS_NAME"
    local tunnel="tls-ca-cert=$PKI/radius-ca.pem tls-remotename=$RADIUS_NAME anonymous-identity=anonymous"
    local key="tls-user-cert=$PKI/alice.pem tls-user-key=$PKI/alice-clear.key"
    for version in 1.2 1.3; do
        case $version in 1.2) server=eap12 ;; 1.3) server=eap ;; esac
        cat <<TABLE
#EAP-TLS $version|$server|EAP type 13 .* accepted, $KEYS32|$tls $key tls-identity=alice
#PEAP-MSCHAPv2, TLS $version|$server|EAP type 25 .* accepted, $KEYS32|eap=peap phase2-auth=mschapv2 $tunnel
#PEAP-GTC, TLS $version|$server|EAP type 25 .* accepted, $KEYS32|eap=peap phase2-auth=gtc $tunnel
#PEAP-TLS, TLS $version|$server|EAP type 25 .* accepted, $KEYS32|eap=peap phase2-auth=tls $tunnel $key
#TTLS-PAP, TLS $version|$server|EAP type 21 .* accepted, $KEYS32|eap=ttls phase2-auth=pap $tunnel
#TTLS-MSCHAPv2, TLS $version|$server|EAP type 21 .* accepted, $KEYS32|eap=ttls phase2-auth=mschapv2 $tunnel
#TTLS-EAP-MSCHAPv2, TLS $version|$server|EAP type 21 .* accepted, $KEYS32|eap=ttls phase2-auth=eap-mschapv2 $tunnel
#TTLS-EAP-GTC, TLS $version|$server|EAP type 21 .* accepted, $KEYS32|eap=ttls phase2-auth=gtc $tunnel
TABLE
    done
    say "#EAP-GTC|eap|EAP type 6 .* accepted, $NO_KEYS|eap=gtc"
}
