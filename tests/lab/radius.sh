# shellcheck shell=bash
# FreeRADIUS in the lab's server namespace, as a process of the lab with a configuration made for it: nothing of the
# machine's own /etc/freeradius is used. It listens on two ports:
RADIUS13=127.0.0.1:1812         # EAP's TLS up to 1.3
RADIUS12=127.0.0.1:1813         # up to 1.2
RADIUS_NAME=radius.lab.test     # the name in its certificate
RADIUS_EXPIRED=old-password     # the password of the accounts expired*; see radius-domain for how it is changed
# The accounts, NAME:PASSWORD, see also radius_users:
RADIUS_ACCOUNTS=("$VPN_USER:$VPN_PASSWORD" "alice:wonderland" "alma:Zürich 8€" "expired:$RADIUS_EXPIRED" "expired-eap:$RADIUS_EXPIRED")
# For each EAP type an account that it is offered to first; the others are offered MD5-Challenge and have to ask.
RADIUS_FIRST=(tls ttls peap mschapv2 gtc)

RADIUS_HOME=$LAB_RUN/radius
RADIUS_SECRET=$RADIUS_HOME/secret

radius_program() {
    local program
    for program in freeradius radiusd; do
        program=$(PATH=$PATH:/usr/sbin:/sbin type -P $program) && say "$program" && return
    done
}

# radius_ready: what every RADIUS server here has, certificates and the secret that it shares with ours. Needs pki_make.
radius_ready() {
    pki_radius
    mkdir -p "$RADIUS_HOME" && openssl rand -hex 16 >"$RADIUS_SECRET" || die "cannot make a shared secret"
}

# radius_up: needs network_up and pki_make.
radius_up() {
    radius_ready
    mkdir -p "$RADIUS_HOME/changed" "$RADIUS_HOME"/sessions-{eap,inner}1{2,3} && chmod 700 "$RADIUS_HOME"/sessions-* || die "cannot configure FreeRADIUS"
    radius_configure
    radius_users >"$RADIUS_HOME/users"
    spawn radius "${IN_SERVER[@]}" "$(radius_program)" -f -xx -l stdout -d "$RADIUS_HOME"
    wait_for 15 grep -q 'Ready to process requests' "$(log_of radius)" || die "FreeRADIUS does not start: $(tail -20 "$(log_of radius)")"
}

radius_users() {
    local account method
    for account in "${RADIUS_ACCOUNTS[@]}"; do
        printf '"%s" Cleartext-Password := "%s"' "${account%%:*}" "${account#*:}"
        case $account in expired*) printf ', MS-CHAP-Use-NTLM-Auth := Yes' ;; *) printf ', MS-CHAP-Use-NTLM-Auth := No' ;; esac
        printf '\n\n'
    done
    for method in "${RADIUS_FIRST[@]}"; do
        printf '"%s-first" Cleartext-Password := "wonderland", MS-CHAP-Use-NTLM-Auth := No, EAP-Type := %s\n\n' "$method" "${method^^}"
    done | sed 's/:= MSCHAPV2/:= MSCHAPv2/'
}

# radius_forget: everybody has the first password again.
radius_forget() { rm -f "$RADIUS_HOME"/changed/*; }

radius_configure() {
    local secret domain="$LAB_HOME/radius-domain $RADIUS_HOME/changed $RADIUS_EXPIRED"
    secret=$(cat "$RADIUS_SECRET")
    cat >"$RADIUS_HOME/radiusd.conf" <<CONF
prefix = /usr
logdir = $RADIUS_HOME
run_dir = $RADIUS_HOME
max_requests = 1024
log {
    destination = stdout
    auth = yes
}
security {
    reject_delay = 0
    status_server = no
}
thread pool {
    start_servers = 2
    max_servers = 4
    min_spare_servers = 1
    max_spare_servers = 2
    max_requests_per_server = 0
}
client lab {
    ipaddr = 127.0.0.1
    secret = $secret
    require_message_authenticator = yes
}
modules {
    files {
        usersfile = $RADIUS_HOME/users
    }
    pap {
    }
    chap {
    }
    mschap {
        use_mppe = yes
        allow_retry = yes
        ntlm_auth = "$domain check %{User-Name} %{mschap:Challenge:-00} %{mschap:NT-Response:-00}"
        passchange {
            ntlm_auth = "$domain change"
            ntlm_auth_username = "username: %{User-Name}"
            ntlm_auth_domain = "nt-domain: LAB"
        }
    }
$(radius_eap eap13 1.3 inner13)
$(radius_eap eap12 1.2 inner12)
$(radius_eap inner13 1.3 inner13)
$(radius_eap inner12 1.2 inner12)
}
$(radius_server outer13 eap13 "${RADIUS13#*:}")
$(radius_server outer12 eap12 "${RADIUS12#*:}")
$(radius_server inner13 inner13)
$(radius_server inner12 inner12)
CONF
}

# The module: NAME GREATEST-TLS-VERSION VIRTUAL-SERVER-OF-TUNNELS. Inside a tunnel fragments have to be shorter.
radius_eap() {
    local fragment=1024
    case $1 in inner*) fragment=900 ;; esac
    cat <<CONF
    eap $1 {
        default_eap_type = md5
        timer_expire = 60
        ignore_unknown_eap_types = no
        md5 {
        }
        gtc {
            challenge = "Password: "
            auth_type = PAP
        }
        mschapv2 {
            send_error = yes
        }
        tls-config tls-$1 {
            private_key_file = $PKI/radius.key
            certificate_file = $PKI/radius.pem
            ca_file = $PKI/radius-trust.pem
            check_crl = yes
            fragment_size = $fragment
            cipher_list = "DEFAULT"
            tls_min_version = "1.2"
            tls_max_version = "$2"
            ecdh_curve = ""
            cache {
                enable = yes
                lifetime = 1
                name = "lab-$1"
                persist_dir = $RADIUS_HOME/sessions-$1
            }
        }
        tls {
            tls = tls-$1
        }
        ttls {
            tls = tls-$1
            default_eap_type = md5
            virtual_server = $3
        }
        peap {
            tls = tls-$1
            default_eap_type = mschapv2
            virtual_server = $3
        }
    }
CONF
}

# A virtual server: NAME EAP-MODULE [PORT].
radius_server() {
    local listen=''
    [ -z "${3-}" ] || listen="listen { type = auth
        ipaddr = 127.0.0.1
        port = $3
    }"
    cat <<CONF
server $1 {
    $listen
    authorize {
        # every reply is signed, also the one to EAP-Start
        update reply {
            Message-Authenticator := 0x00
        }
        files
        chap
        mschap
        $2 {
            ok = return
        }
        pap
    }
    authenticate {
        Auth-Type PAP {
            pap
        }
        Auth-Type CHAP {
            chap
        }
        Auth-Type MS-CHAP {
            mschap
        }
        $2
    }
}
CONF
}
