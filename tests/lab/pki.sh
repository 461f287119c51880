# shellcheck shell=bash
# Certificates for the lab's servers, made anew for each run (P-256, so that takes no time):
#   ca.pem          the authority that a client is told to trust
#   server.pem      for vpn.lab.test and the server's addresses, with the intermediate authority that signed it
#   wrongname.pem   the same for other.lab.test
#   expired.pem     the same as server.pem, but its time is over
#   client-only.pem the same as server.pem, but only for TLS clients
#   stranger.pem    for vpn.lab.test, by an authority that nobody trusts
# and, by pki_radius, what EAP's TLS needs, from another authority, radius-ca.pem:
#   radius.pem      for the RADIUS server, radius.lab.test
#   alice.pem       for the user alice, with alice.key encrypted by PKI_PASSWORD, alice.p12 (the same password) and
#                   alice-clear.key
#   alice-chain.pem the same as alice.pem, with so many certificates behind it that they fill more than one packet of EAP
#   alice-expired.pem, alice-revoked.pem, alice-stranger.pem
#                   the same, but their time is over, they were revoked, nobody trusts their authority
#   radius-trust.pem what the RADIUS server trusts: its authority, with the list of what was revoked (radius-ca.crl)
# and, by pki_token after that,
#   token           a token of SoftHSM with alice.pem and her key, which PKI_PIN opens (SOFTHSM2_CONF names softhsm2.conf)
# Each has its key beside it: NAME.key, PKCS#8.

PKI=$LAB_RUN/pki
PKI_PASSWORD="looking glass"
PKI_PIN=4321

pki_make() {
    mkdir -p "$PKI" && cd "$PKI" || return 1
    local names="DNS:$SERVER_NAME,IP:$SERVER4,IP:$SERVER6"
    pki_authority ca "Lab Root" && pki_authority stranger-ca "Nobody's Root" &&
    pki_sign ca intermediate "Lab Intermediate" "-days 30" 'basicConstraints=critical,CA:TRUE,pathlen:0' 'keyUsage=critical,keyCertSign,cRLSign' &&
    pki_server intermediate server $SERVER_NAME "$names" "-days 30" serverAuth &&
    pki_server intermediate wrongname other.lab.test DNS:other.lab.test "-days 30" serverAuth &&
    pki_server intermediate expired $SERVER_NAME "$names" "$(pki_over)" serverAuth &&
    pki_server intermediate client-only $SERVER_NAME "$names" "-days 30" clientAuth &&
    pki_server stranger-ca stranger $SERVER_NAME "$names" "-days 30" serverAuth ||
    die "openssl cannot make certificates: $(cat openssl.log)"
    cd - >/dev/null || return 1
}

pki_radius() {
    cd "$PKI" || return 1
    pki_authority radius-ca "Lab RADIUS Root" &&
    pki_server radius-ca radius radius.lab.test DNS:radius.lab.test "-days 30" serverAuth &&
    pki_client radius-ca alice "-days 30" && pki_client radius-ca alice-expired "$(pki_over)" &&
    pki_client radius-ca alice-revoked "-days 30" && pki_client stranger-ca alice-stranger "-days 30" &&
    mv alice.key alice-clear.key &&
    openssl pkcs8 -topk8 -v2 aes-256-cbc -in alice-clear.key -out alice.key -passout "pass:$PKI_PASSWORD" 2>openssl.log &&
    openssl pkcs12 -export -name alice -in alice.pem -inkey alice-clear.key -certfile radius-ca.pem -out alice.p12 \
        -passout "pass:$PKI_PASSWORD" 2>openssl.log &&
    pki_revoke radius-ca alice-revoked &&
    cat alice.pem radius-ca.pem intermediate.pem ca.pem >alice-chain.pem &&
    cat radius-ca.pem radius-ca.crl >radius-trust.pem ||
    die "openssl cannot make certificates: $(cat openssl.log)"
    cd - >/dev/null || return 1
}

pki_token() {
    export SOFTHSM2_CONF=$PKI/softhsm2.conf
    cd "$PKI" || return 1
    pki_make_token >token.log 2>&1 || die "SoftHSM cannot make a token: $(cat token.log)"
    cd - >/dev/null || return 1
}

pki_make_token() {
    mkdir -p token && say "directories.tokendir = $PKI/token" >"$SOFTHSM2_CONF" &&
    softhsm2-util --init-token --free --label lab --so-pin 12345678 --pin "$PKI_PIN" &&
    softhsm2-util --import alice-clear.key --token lab --label alice --id 01 --pin "$PKI_PIN" &&
    openssl x509 -in alice.pem -outform DER -out alice.der &&
    pkcs11-tool --module p11-kit-proxy.so --token-label lab --login --pin "$PKI_PIN" \
        --write-object alice.der --type cert --label alice --id 01
}

# The validity of a certificate whose time is over: OpenSSL 3.4 and newer take dates, and no negative number of days.
pki_over() {
    if openssl x509 -help 2>&1 | grep -q not_after; then
        say "-not_before 20200101000000Z -not_after 20200131000000Z"
    else
        say "-days -1"
    fi
}

pki_authority() { # NAME SUBJECT
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" \
        -days 30 -subj "/CN=$2" -addext keyUsage=critical,keyCertSign,cRLSign 2>openssl.log
}

pki_sign() { # AUTHORITY NAME SUBJECT VALIDITY EXTENSION...
    local authority=$1 name=$2 subject=$3 validity=$4; shift 4
    # shellcheck disable=SC2086 # VALIDITY is options
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" -subj "/CN=$subject" -out "$name.csr" 2>openssl.log &&
    openssl x509 -req -in "$name.csr" -CA "$authority.pem" -CAkey "$authority.key" -CAcreateserial $validity \
        -extfile <(printf '%s\n' "$@") -out "$name.pem" 2>openssl.log
}

pki_server() { # AUTHORITY NAME SUBJECT ALTERNATIVE-NAMES VALIDITY PURPOSE
    pki_sign "$1" "$2" "$3" "$5" basicConstraints=CA:FALSE keyUsage=digitalSignature "extendedKeyUsage=$6" "subjectAltName=$4" &&
    cat "$1.pem" >>"$2.pem"
}

# A user's certificate, with the name in the subject and as a Windows user principal name.
pki_client() { # AUTHORITY NAME VALIDITY
    pki_sign "$1" "$2" alice "$3" basicConstraints=CA:FALSE keyUsage=digitalSignature extendedKeyUsage=clientAuth \
        "subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@lab.test"
}

# The authority's list of revoked certificates, with one in it.
pki_revoke() { # AUTHORITY NAME
    : >"$1.index"; say 1000 >"$1.number"
    printf '[ca]\ndefault_ca=lab\n[lab]\ndatabase=%s.index\ncrlnumber=%s.number\ndefault_md=sha256\ndefault_crl_days=30\n' "$1" "$1" >"$1.cnf"
    openssl ca -config "$1.cnf" -cert "$1.pem" -keyfile "$1.key" -revoke "$2.pem" 2>openssl.log &&
    openssl ca -config "$1.cnf" -cert "$1.pem" -keyfile "$1.key" -gencrl -out "$1.crl" 2>openssl.log
}
