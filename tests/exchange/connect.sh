#!/bin/sh
# Connects the branch office.
SERVER=vpn.example.com
USER_NAME="CORP\\alice"

exec sudo /usr/sbin/sstpc --log-level 4 --log-stderr \
    --cert-warn --ca-cert "/etc/ssl/our ca.pem" --save-server-route \
    --ipparam branch --user "$USER_NAME" --password 'it'\''s secret' \
    --proxy http://bob:swordfish@proxy.example.com:3128 \
    -- $SERVER:8443 \
    require-mschap-v2 refuse-pap refuse-chap noauth usepeerdns defaultroute mtu 1400 lcp-echo-interval 30

sstpc --user alice --password "$(cat /root/password)" --crl-path /etc/ssl/crl "$OTHER"
pppd nodetach pty 'sstpc --nolaunchpppd --tls-ext second.example' user bob password swordfish 10.9.8.7:10.9.8.1
