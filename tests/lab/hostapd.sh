# shellcheck shell=bash
# hostapd's own EAP and RADIUS server in the lab's server namespace: a second implementation beside FreeRADIUS, which has
# the Cryptobinding TLV of PEAP, and remembers sessions in another way. No radio and no network device belong to it.
HOSTAPD13=127.0.0.1:1814        # EAP's TLS up to 1.3
HOSTAPD12=127.0.0.1:1815        # up to 1.2
HOSTAPD_SESSION=600             # seconds for which a session inside EAP can be resumed

# hostapd_up: needs network_up and radius_ready, which radius_up calls; it has the same account.
hostapd_up() {
    hostapd_one hostapd13 "${HOSTAPD13#*:}" '[ENABLE-TLSv1.3]'
    hostapd_one hostapd12 "${HOSTAPD12#*:}" '[DISABLE-TLSv1.3]'
}

hostapd_one() { # NAME PORT TLS-FLAGS
    local home=$LAB_RUN/$1
    mkdir -p "$home" && hostapd_users >"$home/users" && say "127.0.0.1 $(cat "$RADIUS_SECRET")" >"$home/clients" || die "cannot configure hostapd"
    cat >"$home/conf" <<CONF
driver=none
interface=$1
eap_server=1
eap_user_file=$home/users
radius_server_clients=$home/clients
radius_server_auth_port=$2
server_id=lab
ca_cert=$PKI/radius-trust.pem
server_cert=$PKI/radius.pem
private_key=$PKI/radius.key
check_crl=1
tls_flags=$3
tls_session_lifetime=$HOSTAPD_SESSION
fragment_size=1024
CONF
    spawn "$1" "${IN_SERVER[@]}" hostapd -dd "$home/conf"
    wait_for 5 grep -q 'AP-ENABLED' "$(log_of "$1")" || die "hostapd does not start: $(tail -5 "$(log_of "$1")")"
}

# Outside of tunnels, then [2] inside of them. What is listed first is what the client is offered first.
hostapd_users() {
    cat <<USERS
"anonymous" PEAP,TTLS
"alice" MSCHAPV2,GTC,TLS,PEAP,TTLS "wonderland"
"alice" MSCHAPV2,GTC,TTLS-PAP,TTLS-MSCHAPV2 "wonderland" [2]
USERS
}
