# shellcheck shell=bash
# Proxies between the client and a gateway that nobody else leads to: squid with each way to authenticate, and microsocks.

PROXY=$SERVER4                      # where they listen; behind them there is one more network
INSIDE=10.78.0.2 INSIDE_NAME=inside.lab.test
PROXY_USER=Mufasa PROXY_PASSWORD='Circle of Life'
PORT_OPEN=3128 PORT_BASIC=3129 PORT_DIGEST=3130 PORT_NTLM=3131 PORT_ANY=3132 PORT_SOCKS=1080 PORT_SOCKS_LOGIN=1081
SQUID=$LAB_RUN/squid SQUID_HELPERS=/usr/lib/squid
NTLM_AUTH=/usr/bin/ntlm_auth        # of Samba: it verifies what ntlm_fake_auth, which comes with squid, takes on trust

# A network that only the proxies' machine is in, which forwards nothing; its names are known there alone.
inside_up() {
    ip netns add inside && ip -n inside link set lo up &&
    ip -n server link add link1 type veth peer name link0 netns inside &&
    ip -n server address add 10.78.0.1/24 dev link1 && ip -n server link set link1 up &&
    ip -n inside address add $INSIDE/24 dev link0 && ip -n inside link set link0 up &&
    ip route add unreachable $INSIDE ||
    die "cannot make the network behind the proxies"
    (cd "$PKI" && pki_server intermediate inside $INSIDE_NAME "DNS:$INSIDE_NAME,IP:$INSIDE" "-days 30" serverAuth) ||
        die "openssl cannot make a certificate"
    printf '127.0.0.1 localhost\n%s\n' "$INSIDE $INSIDE_NAME" >$LAB_RUN/hosts-inside
    inside_server_up
}
inside_server_up() {
    local IN_SERVER=(nsenter --net=/run/netns/inside --) SERVER4=$INSIDE
    server_up server-inside 443 --cert "$PKI/inside.pem" --key "$PKI/inside.key"
}

squid_ready() { mkdir -p $SQUID && chown proxy: $SQUID || die "cannot make $SQUID"; }

proxies_up() {
    squid_ready
    say "$PROXY_USER:$(openssl passwd -apr1 "$PROXY_PASSWORD")" >$SQUID/basic
    say "$PROXY_USER:lab:$(printf %s "$PROXY_USER:lab:$PROXY_PASSWORD" | md5sum | cut -d' ' -f1)" >$SQUID/digest
    local basic digest ntlm
    basic="auth_param basic program $SQUID_HELPERS/basic_ncsa_auth $SQUID/basic
auth_param basic realm lab
auth_param basic casesensitive on"
    digest="auth_param digest program $SQUID_HELPERS/digest_file_auth -c $SQUID/digest
auth_param digest realm lab"
    ntlm="auth_param ntlm program $SQUID/ntlm_auth
auth_param ntlm keep_alive on"
    # squid cuts its helpers' arguments at spaces
    printf '#!/bin/sh\nexec %s --helper-protocol=squid-2.5-ntlmssp --username="%s" --domain=LAB --password="%s" --configfile=%s\n' \
        $NTLM_AUTH "$PROXY_USER" "$PROXY_PASSWORD" $SQUID/smb.conf >$SQUID/ntlm_auth && chmod 755 $SQUID/ntlm_auth
    printf '[global]\nworkgroup = LAB\nserver role = standalone\nprivate dir = %s\nlock directory = %s\nstate directory = %s\ncache directory = %s\n' \
        $SQUID $SQUID $SQUID $SQUID >$SQUID/smb.conf
    squid_up open $PORT_OPEN all
    squid_up basic $PORT_BASIC known "$basic"
    squid_up digest $PORT_DIGEST known "$digest"
    squid_up ntlm $PORT_NTLM known "$ntlm"
    squid_up any $PORT_ANY known "$basic
$digest
$ntlm"
    socks_up socks $PORT_SOCKS
    socks_up socks-login $PORT_SOCKS_LOGIN -u "$PROXY_USER" -P "$PROXY_PASSWORD"
}

# squid_up NAME PORT WHO [AUTHENTICATION]: a squid that lets WHO (an acl) out, with CONNECT to port 443 and for SSTP only.
squid_up() {
    local conf=$SQUID/$1.conf
    cat >"$conf" <<CONF
http_port $PROXY:$2
visible_hostname proxy.lab.test
hosts_file $LAB_RUN/hosts-inside
dns_nameservers 127.0.0.1
dns_timeout 1 second
connect_timeout 2 seconds
connect_retries 0
forward_max_tries 1
cache deny all
pid_filename none
access_log stdio:$SQUID/$1.access
cache_log $SQUID/$1.cache
coredump_dir none
shutdown_lifetime 0 seconds
${4-}
acl sstp req_header SSTPVERSION ^1[.]0\$
acl https port 443
acl CONNECT method CONNECT
${4:+acl known proxy_auth REQUIRED}
http_access deny !CONNECT
http_access deny !https
http_access deny !sstp
http_access allow $3
http_access deny all
CONF
    spawn "squid-$1" "${IN_SERVER[@]}" squid -N -f "$conf"
    wait_for 15 grep -q 'Accepting HTTP Socket connections' "$SQUID/$1.cache" || die "squid does not start: $(cat "$SQUID/$1.cache" "$(log_of "squid-$1")")"
}

# socks_up NAME PORT OPTION...: a microsocks, which knows the names of the network behind it.
socks_up() {
    local name=$1 port=$2; shift 2
    # shellcheck disable=SC2016 # for the inner shell
    spawn "$name" "${IN_SERVER[@]}" unshare --mount bash -c 'mount --bind "$0" /etc/hosts && exec microsocks "$@"' \
        "$LAB_RUN/hosts-inside" -i $PROXY -p "$port" "$@"
    wait_for 5 bash -c "exec 3<>/dev/tcp/$PROXY/$port" || die "microsocks does not start: $(cat "$(log_of "$name")")"
}

# proxied NAME PORT [KEY=VALUE]...: a connection to the gateway inside, through the proxy at this port.
proxied() {
    local name=$1 port=$2; shift 2
    profile "$name" gateway=$INSIDE_NAME proxy-server=$PROXY "proxy-port=$port" "$@"
}
# with_secrets NAME PROXY-PASSWORD: both passwords are stored.
with_secrets() {
    nmcli connection modify "$1" +vpn.data password-flags=0 +vpn.data proxy-password-flags=0 \
        vpn.secrets "password=$VPN_PASSWORD, proxy-password=$2" || fail "nmcli cannot store the passwords"
}
# Up, and that it is not there without the proxy shows that it was the way.
comes_up() { # NAME
    up "$1"; succeeded; connected
    down "$1"
}
# squid_says NAME PATTERN: it logs a tunnel when that is over.
squid_says() {
    wait_for 5 grep -Eq -- "$2" "$SQUID/$1.access" || fail "the log of squid-$1 does not match /$2/:
$(tail -n 5 "$SQUID/$1.access")"
}

no_other_way() {
    profile vpn gateway=$INSIDE; store vpn
    up vpn; refused "$REASON_CONNECT" "$INSIDE"
}
open_proxy() { # KEY=VALUE...
    proxied vpn $PORT_OPEN "$@"; store vpn
    comes_up vpn
    squid_says open "TCP_TUNNEL/200 .* CONNECT $INSIDE_NAME:443"
}
by_method() { # NAME PORT METHOD
    proxied vpn "$2" proxy-user=$PROXY_USER; with_secrets vpn "$PROXY_PASSWORD"
    comes_up vpn
    squid_says "$1" "TCP_DENIED/407 .*"
    squid_says "$1" "TCP_TUNNEL/200 .* [\\\\]*$PROXY_USER "
    contains "$(new_log)" "by $3|\\($3\\)" "the log"
}
domain_user() {
    proxied vpn $PORT_NTLM "proxy-user=LAB\\$PROXY_USER"; with_secrets vpn "$PROXY_PASSWORD"
    comes_up vpn
}
kept_in_data() {
    proxied vpn $PORT_DIGEST proxy-user=$PROXY_USER "proxy-password=$PROXY_PASSWORD"; store vpn
    comes_up vpn
}
asked_for_the_proxy() {
    proxied vpn $PORT_BASIC proxy-user=$PROXY_USER proxy-password-flags=2; store vpn
    OUTPUT=$(timeout 100 nmcli --ask --wait 90 connection up vpn 2>&1 <<<"$PROXY_PASSWORD"); STATUS=$?
    succeeded; connected
    contains "$OUTPUT" '[Pp]roxy password' "nmcli's prompt"
    down vpn
}
# The second time it is asked for because the proxy refused it.
asked_again() { # PORT
    proxied vpn "$1" proxy-user=$PROXY_USER; with_secrets vpn "not-$PROXY_PASSWORD"
    # nmcli puts what was refused into the line, which Ctrl-U empties
    OUTPUT=$(timeout 100 nmcli --ask --wait 90 connection up vpn 2>&1 <<<$'\x15'"$PROXY_PASSWORD"); STATUS=$?
    succeeded; connected
    contains "$(new_log)" "Asking again: the (SOCKS )?proxy $PROXY:$1 refused user name or password" "the log"
    down vpn
}
proxy_refuses() { # PORT
    proxied vpn "$1" proxy-user=$PROXY_USER; with_secrets vpn "not-$PROXY_PASSWORD"
    up vpn
    refused 'Invalid secrets|secrets|failed' "the (SOCKS )?proxy $PROXY:$1 refused user name or password"
}
nobody_in_particular() { # PORT
    proxied vpn "$1"; store vpn
    up vpn; refused "$REASON_CONNECT" "proxy $PROXY:$1 wants to know who you are.*set proxy-user"
}
forbidden() {
    proxied vpn $PORT_OPEN gateway=$INSIDE_NAME:8443; store vpn
    up vpn; refused "$REASON_CONNECT" "the proxy $PROXY:$PORT_OPEN does not allow a connection to $INSIDE_NAME:8443 \(403"
}
unknown_to_the_proxy() { # GATEWAY
    proxied vpn $PORT_OPEN "gateway=$1"; store vpn
    up vpn; refused "$REASON_CONNECT" "the proxy $PROXY:$PORT_OPEN could not reach $1:443 \(50"
}
socks_refused() {
    proxied vpn $PORT_SOCKS proxy-type=socks5 gateway=$INSIDE_NAME:9; store vpn
    up vpn; refused "$REASON_CONNECT" "$INSIDE_NAME:9 refused the connection from the SOCKS proxy $PROXY:$PORT_SOCKS"
}
no_proxy_there() {
    proxied vpn 9; store vpn
    up vpn; refused "$REASON_CONNECT" "the proxy $PROXY:9 cannot be reached: .* refused the connection"
}
not_a_proxy() { # PORT TYPE PATTERN
    proxied vpn "$1" "proxy-type=$2"; store vpn
    up vpn; refused "$REASON_CONNECT" "$3"
}
by_socks() { # PORT [KEY=VALUE]...
    local port=$1; shift
    proxied vpn "$port" "$@"; with_secrets vpn "$PROXY_PASSWORD"
    comes_up vpn
}
no_password_in_any_log() {
    nmcli general logging level TRACE domains ALL,VPN_PLUGIN:TRACE
    proxied vpn $PORT_BASIC proxy-user=$PROXY_USER; with_secrets vpn "$PROXY_PASSWORD"
    comes_up vpn
    nmcli general logging level INFO domains ALL,VPN_PLUGIN:DEBUG
    contains "$(new_log)" 'wants the password as it is \(Basic\)' "the log"
    lacks "$(new_log)" "$PROXY_PASSWORD|$(printf %s "$PROXY_USER:$PROXY_PASSWORD" | base64)" "the log"
}
proxy_dies() {
    proxied vpn $PORT_OPEN; store vpn
    up vpn; succeeded; connected
    reap squid-open KILL
    wait_for 15 eval '[ -z "$(tunnel)" ]' || fail "the tunnel is still there"
    rm -f $SQUID/open.cache
    squid_up open $PORT_OPEN all
}
