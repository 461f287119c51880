# 2024-05-19 16:36:57 by RouterOS 7.14.3
/interface sstp-client
add add-default-route=yes add-sni=yes authentication=mschap1,mschap2 ciphers=\
    aes256-gcm-sha384 connect-to=2001:db8::1 default-route-distance=5 \
    dial-on-demand=yes disabled=no http-proxy=proxy.example.com name=sstp-a \
    port=8443 proxy-port=3128 tls-version=only-1.2 user=alice \
    verify-server-certificate=no
set [ find name=sstp-a ] keepalive-timeout=disabled password=hunter2
/interface/sstp-client/set [find where name="left out"] connect-to=b.example user=carol
