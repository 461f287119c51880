# nov/14/2022 17:12:03 by RouterOS 6.49.7
# software id = ABCD-EFGH
#
# model = 951Ui-2HnD
/interface bridge
add name=bridge1
/interface sstp-client
add authentication=mschap2 certificate=router.crt_0 comment="head office; \"main\"" \
    connect-to=vpn.example.com:8443 disabled=no http-proxy=0.0.0.0:443 \
    keepalive-timeout=30 max-mru=1400 max-mtu=1400 name=sstp-out1 password=\
    "pa\$\$ w\"ord\\\C3\BC" profile=default-encryption user="CORP\\alice" \
    verify-server-address-from-certificate=no verify-server-certificate=yes
add connect-to=192.0.2.7 disabled=yes mrru=1600 name="second one" profile=mine \
    user=bob
/ppp profile
add name=mine use-encryption=no
/ip route
add distance=1 dst-address=10.0.0.0/8 gateway=sstp-out1
add distance=10 dst-address=172.16.0.0/12 gateway="second one"
add distance=1 gateway=192.0.2.1
add disabled=yes dst-address=192.168.0.0/16 gateway=sstp-out1
