# shellcheck shell=bash
# Negotiate, for a build with that feature: a KDC beside the proxies, and squid with its helper for Kerberos.

REALM=LAB.TEST PROXY_NAME=proxy.lab.test PRINCIPAL=nm-sstp/lab-client
PORT_NEGOTIATE=3133 PORT_NEGOTIATE_ANY=3134
KERBEROS=$LAB_RUN/kerberos
NEGOTIATE="auth_param negotiate program $SQUID_HELPERS/negotiate_kerberos_auth -k $SQUID/http.keytab -s HTTP/$PROXY_NAME
auth_param negotiate keep_alive on"

# has_kerberos: the helper was built with the feature.
has_kerberos() { ldd "$TARGET/release/nm-sstp-service" | grep -q libgssapi; }

# Credentials of the machine, as docs/proxies.md has it: a keytab, and tickets in memory.
kerberos_for_daemons() {
    DAEMON+=("KRB5_CLIENT_KTNAME=FILE:$KERBEROS/client.keytab" KRB5CCNAME=MEMORY:nm-sstp)
}

# kerberos_up: a KDC, and a squid that wants its tickets. Needs squid_ready.
kerberos_up() {
    mkdir -p $KERBEROS/database
    cat >/etc/krb5.conf <<CONF
[libdefaults]
default_realm = $REALM
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
[realms]
$REALM = {
    kdc = $SERVER4
}
[domain_realm]
.lab.test = $REALM
CONF
    export KRB5_KDC_PROFILE=$KERBEROS/kdc.conf
    cat >$KRB5_KDC_PROFILE <<CONF
[kdcdefaults]
kdc_listen = $SERVER4:88
kdc_tcp_listen = $SERVER4:88
[realms]
$REALM = {
    database_name = $KERBEROS/database/principal
    key_stash_file = $KERBEROS/database/stash
    acl_file = $KERBEROS/database/acl
}
CONF
    {
        kdb5_util create -s -r $REALM -P master &&
        kadmin.local addprinc -randkey $PRINCIPAL && kadmin.local ktadd -k $KERBEROS/client.keytab $PRINCIPAL &&
        kadmin.local addprinc -randkey HTTP/$PROXY_NAME && kadmin.local ktadd -k $SQUID/http.keytab HTTP/$PROXY_NAME
    } >"$(log_of kdb)" 2>&1 || die "the database of Kerberos cannot be made: $(cat "$(log_of kdb)")"
    chown proxy: $SQUID/http.keytab
    say "$PROXY $PROXY_NAME" >>/etc/hosts
    spawn krb5kdc "${IN_SERVER[@]}" krb5kdc -n
    wait_for 5 grep -q 'commencing operation' "$(log_of krb5kdc)" || wait_for 5 in_server bash -c "exec 3<>/dev/tcp/$SERVER4/88" ||
        die "the KDC does not start: $(cat "$(log_of krb5kdc)")"
    squid_up negotiate $PORT_NEGOTIATE known "$NEGOTIATE"
}
# One that takes NTLM, too. Needs proxies_up.
negotiate_any_up() {
    squid_up negotiate-any $PORT_NEGOTIATE_ANY known "$NEGOTIATE
auth_param ntlm program $SQUID/ntlm_auth
auth_param ntlm keep_alive on"
}

by_negotiate() { # NAME PORT
    proxied vpn "$2" proxy-server=$PROXY_NAME; store vpn
    comes_up vpn
    squid_says "$1" "TCP_TUNNEL/200 .* $PRINCIPAL@$REALM "
    contains "$(new_log)" "authenticating to the proxy $PROXY_NAME:$2 by Negotiate" "the log"
}
# without_keytab COMMAND...: while this machine has no credentials.
without_keytab() {
    mv $KERBEROS/client.keytab $KERBEROS/away
    "$@"
    mv $KERBEROS/away $KERBEROS/client.keytab
}
another_without_ticket() {
    proxied vpn $PORT_NEGOTIATE_ANY proxy-server=$PROXY_NAME proxy-user=$PROXY_USER; with_secrets vpn "$PROXY_PASSWORD"
    without_keytab up vpn
    succeeded; connected
    contains "$(new_log)" "there is no Kerberos ticket for the proxy $PROXY_NAME:$PORT_NEGOTIATE_ANY" "the log"
    contains "$(new_log)" "by NTLM" "the log"
    down vpn
}
no_ticket() {
    proxied vpn $PORT_NEGOTIATE proxy-server=$PROXY_NAME; store vpn
    without_keytab up vpn
    refused "$REASON_CONNECT" "the proxy $PROXY_NAME:$PORT_NEGOTIATE wants a Kerberos ticket .*No Kerberos credentials available"
}
not_in_the_database() {
    proxied vpn $PORT_NEGOTIATE; store vpn
    up vpn
    refused "$REASON_CONNECT" "the proxy $PROXY:$PORT_NEGOTIATE wants a Kerberos ticket .*HTTP/$PROXY@$REALM not found"
}
# The machine's credentials are not for a user's connection.
of_one_user() {
    proxied vpn $PORT_NEGOTIATE proxy-server=$PROXY_NAME; store vpn
    nmcli connection modify vpn connection.permissions user:root || fail "nmcli cannot give the connection to a user"
    up vpn
    refused "$REASON_CONNECT" "wants a Kerberos ticket .*the connection belongs to one user"
}
# By then the process that makes tokens is root no more.
made_again() {
    proxied vpn $PORT_NEGOTIATE proxy-server=$PROXY_NAME; store vpn
    nmcli connection modify vpn vpn.persistent yes || fail "nmcli cannot make the connection last"
    up vpn; succeeded; connected
    wait_for 10 eval '[ "$(stat -c %u /proc/$(pgrep -o -f libexec/nm-sstp-service))" = 65534 ]' ||
        fail "the helper is still root"
    ss --kill dst $PROXY dport = $PORT_NEGOTIATE >/dev/null
    wait_for 20 eval 'new_log | grep -q "Trying again in"' || fail "the connection was not lost"
    wait_for 20 eval '[ "$(new_log | grep -c "authenticating to the proxy $PROXY_NAME:$PORT_NEGOTIATE by Negotiate")" = 2 ]' ||
        fail "no second ticket"
    wait_for 20 eval '(connected)' || fail "it does not come back"
    down vpn
}
silent_kdc() {
    proxied vpn $PORT_NEGOTIATE_ANY proxy-server=$PROXY_NAME proxy-user=$PROXY_USER; with_secrets vpn "$PROXY_PASSWORD"
    kill -STOP "$(pid_of krb5kdc)"
    up vpn
    kill -CONT "$(pid_of krb5kdc)"
    succeeded; connected
    contains "$(new_log)" "there is no Kerberos ticket for the proxy $PROXY_NAME:$PORT_NEGOTIATE_ANY: .*KDC" "the log"
    down vpn
}
# Its process is restricted from the start; what it reads is as docs/proxies.md has it.
by_the_service() {
    install -d -m 700 /etc/nm-sstp && install -m 600 $KERBEROS/client.keytab /etc/nm-sstp/proxy.keytab
    spawn system "${DAEMON[@]}" KRB5_CLIENT_KTNAME=FILE:/etc/nm-sstp/proxy.keytab /usr/libexec/nm-sstp-service --system
    wait_for 5 sstpctl list || fail "the service does not start: $(cat "$(log_of system)")"
    timeout 60 sstpctl connect --no-ask --password-file <(say "$VPN_PASSWORD") --gateway $INSIDE_NAME --user $VPN_USER \
        --set "ca-cert=$PKI/ca.pem" --set proxy-server=$PROXY_NAME --set proxy-port=$PORT_NEGOTIATE || fail "sstpctl: $?"
    reaches "$(tunnel_server 443)"
    timeout 20 sstpctl disconnect || fail "sstpctl: $?"
    squid_says negotiate "TCP_TUNNEL/200 .* $PRINCIPAL@$REALM "
    reap system
}
