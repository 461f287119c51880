//! Profiles as the programs that are replaced wrote them.

use std::net::IpAddr;

use super::*;
use crate::session::{EapMethod, TtlsInner};
use crate::wire::tls::Version;

fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

/// A profile of the gateway and these pairs, and its notices in words.
fn read(pairs: &[(&str, &str)]) -> (Profile, Vec<String>) {
    let mut data = data(pairs);
    data.entry("gateway".into()).or_insert("vpn.example.com".into());
    let (profile, notices) = Profile::from_settings(&data, None, None).unwrap();
    (profile, notices.iter().map(Notice::to_string).collect())
}

fn password(password: &str) -> Secrets {
    Secrets { password: Some(Zeroizing::new(password.into())), ..Secrets::default() }
}

fn user_name(profile: &Profile) -> Option<&str> {
    match &profile.authentication {
        Authentication::Password { user_name } => user_name.as_deref(),
        Authentication::Certificate(_) => panic!("a certificate"),
    }
}

const ALL: session::Methods = session::Methods { pap: true, chap_md5: true, mschapv2: true, eap: true };
const ONLY_MSCHAPV2: session::Methods = session::Methods { pap: false, chap_md5: false, mschapv2: true, eap: true };
const EAP_ALONE: session::Methods = session::Methods { pap: false, chap_md5: false, mschapv2: false, eap: true };

/// A new connection of the GTK editor of 1.3.0, whose Advanced dialog was never opened.
#[test]
fn gtk_1_3_0() {
    let (profile, notices) = read(&[
        ("connection-type", "password"),
        ("user", "me"),
        ("domain", "CORP"),
        ("password-flags", "1"),
        ("refuse-pap", "yes"),
        ("refuse-chap", "yes"),
    ]);
    assert_eq!(notices, [""; 0]);
    assert_eq!(profile.gateway, Gateway::parse("vpn.example.com").unwrap());
    assert_eq!(user_name(&profile), Some(r"CORP\me"));
    assert_eq!(profile.methods, ONLY_MSCHAPV2);
    assert!(profile.send_sni, "1.3.0 writes tls-ext only when ticked; servers need the name all the same");
    assert!(!profile.ignore_cert_warn);
    assert_eq!(profile.interface, "sstp%d");
    assert_eq!((profile.mtu, profile.lcp_echo_interval, profile.lcp_echo_failure), (None, None, 0));
    assert_eq!(profile.check(), Ok(()));
    assert_eq!(profile.missing_secrets(&Secrets::default()), [Secret::Password]);
    assert_eq!(profile.missing_secrets(&password("x")), []);

    let config = profile.session_config(&password("x"), None, None).unwrap();
    assert_eq!((config.host.as_str(), config.user_name.as_str()), ("vpn.example.com", r"CORP\me"));
    assert_eq!((config.password.as_str(), config.methods), ("x", ONLY_MSCHAPV2));
    assert_eq!((config.mru, config.mtu, config.ipv4, config.ipv6), (1500, None, true, true));
    assert_eq!((config.lcp_echo_interval, config.lcp_echo_failure, config.correlation_id), (None, 0, None));
}

/// The editor of 1.3.2 after Advanced, with everything that it can write for a password.
#[test]
fn gtk_1_3_2_advanced() {
    let (profile, notices) = read(&[
        ("gateway", "vpn.example.com:8443"),
        ("connection-type", "password"),
        ("user", "me"),
        ("password-flags", "0"),
        ("ca-cert", r"/etc/ssl/My\040CA.pem"),
        ("ignore-cert-warn", "no"),
        ("tls-ext", "yes"),
        ("mtu", "1300"),
        ("refuse-eap", "no"),
        ("refuse-pap", "yes"),
        ("refuse-chap", "yes"),
        ("refuse-mschap", "no"),
        ("refuse-mschapv2", "no"),
        ("require-mppe", "yes"),
        ("require-mppe-128", "yes"),
        ("mppe-stateful", "yes"),
        ("nobsdcomp", "yes"),
        ("nodeflate", "yes"),
        ("no-vj-comp", "yes"),
        ("lcp-echo-failure", "5"),
        ("lcp-echo-interval", "30"),
        ("unit", "7"),
        ("uuid", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"),
    ]);
    assert_eq!(notices, [""; 0]);
    assert_eq!(profile.ca_cert.as_deref(), Some("/etc/ssl/My CA.pem".as_ref()));
    assert_eq!(profile.interface, "ppp7");
    let config = profile.session_config(&password("x"), None, None).unwrap();
    assert_eq!(config.host, "vpn.example.com:8443");
    assert_eq!((config.mru, config.mtu), (1300, Some(1300)));
    assert_eq!((config.lcp_echo_interval, config.lcp_echo_failure), (Some(Duration::from_secs(30)), 5));
    let uuid = *b"\x0a\x1b\x2c\x3d\x4e\x5f\x60\x71\x82\x93\xa4\xb5\xc6\xd7\xe8\xf9";
    assert_eq!(config.correlation_id, Some(uuid));
}

#[test]
fn gtk_1_3_2_certificate() {
    let pairs = [
        ("connection-type", "tls"),
        ("refuse-pap", "yes"),
        ("refuse-chap", "yes"),
        ("tls-ext", "yes"),
        ("tls-ca-cert", "/etc/ssl/radius.pem"),
        ("tls-subject-name", "me@example.com"),
        ("tls-user-cert", "/home/me/me.p12"),
        ("tls-user-key", "/home/me/me.p12"),
        ("tls-user-key-secret-flags", "1"),
        ("tls-verify-key-usage", "yes"),
        ("tls-verify-method", "suffix"),
        ("tls-remotename", ".example.com"),
        ("tls-max-version", "1.3"),
    ];
    let (profile, notices) = read(&pairs);
    let Authentication::Certificate(certificate) = &profile.authentication else { panic!("no certificate") };
    assert_eq!(certificate.identity.as_deref(), Some("me@example.com"));
    assert_eq!(certificate.user_cert.as_deref(), Some("/home/me/me.p12".as_ref()));
    assert_eq!(certificate.user_cert, certificate.user_key);
    let InnerTls { ca_cert, server_name, verify_key_usage, max_version, .. } = &profile.inner_tls;
    assert_eq!(ca_cert.as_deref(), Some("/etc/ssl/radius.pem".as_ref()));
    assert_eq!(*server_name, ServerName::Is(VerifyMethod::Suffix, ".example.com".to_owned()));
    assert_eq!((*verify_key_usage, max_version.as_deref()), (true, Some("1.3")));
    assert_eq!(notices, [""; 0]);
    assert_eq!(profile.check(), Ok(()));
    assert_eq!(profile.missing_secrets(&Secrets::default()), [Secret::TlsUserKeySecret]);
    // a certificate is of no use outside of EAP, and without TLS inside EAP there is no method for it
    let config = profile.session_config(&Secrets::default(), None, None).unwrap();
    assert_eq!((config.methods, config.user_name.as_str()), (EAP_ALONE, "me@example.com"));
    assert_eq!((profile.eap.methods.as_slice(), config.eap.methods.len()), (&[EapMethod::Tls, EapMethod::Peap][..], 0));

    let (profile, _) = read(&[&pairs[..], &[("tls-identity", "other")]].concat());
    let Authentication::Certificate(certificate) = &profile.authentication else { panic!("no certificate") };
    assert_eq!(certificate.identity.as_deref(), Some("other"));

    let (profile, _) = read(&[("gateway", "vpn.example.com"), ("connection-type", "tls")]);
    assert_eq!(profile.check(), Err(Error::NoCertificate));
    assert_eq!(profile.missing_secrets(&Secrets::default()), [], "the error comes before any question");
    let (profile, _) = read(&[("gateway", "vpn.example.com"), ("connection-type", "tls"), ("tls-user-cert", "/c.pem")]);
    assert_eq!(profile.session_config(&Secrets::default(), None, None).err(), Some(Error::NoIdentity));
    let config = profile.session_config(&Secrets::default(), None, Some("me".to_owned())).unwrap();
    assert_eq!(config.user_name, "me");
}

/// Which methods of EAP a profile allows.
#[test]
fn methods_of_eap() {
    use EapMethod::{Gtc, Md5, MsChapV2, Otp, Peap, Tls, Ttls};
    let methods = |pairs: &[(&str, &str)]| read(&[&[("gateway", "vpn.example.com")], pairs].concat()).0.eap.methods;
    assert_eq!(methods(&[]), [MsChapV2, Peap, Ttls, Otp, Gtc, Md5]);
    assert_eq!(methods(&[("refuse-chap", "yes")]), [MsChapV2, Peap, Ttls, Otp, Gtc]);
    // whoever verifies nobody is asked whom to trust, before a password goes into a tunnel
    assert_eq!(methods(&[("ignore-cert-warn", "yes")]), [MsChapV2, Otp, Gtc, Md5]);
    let pinned = [("ignore-cert-warn", "yes"), ("tls-fingerprint", "AB:CD")];
    assert_eq!(methods(&pinned), [MsChapV2, Peap, Ttls, Otp, Gtc, Md5]);
    let named = [("ignore-cert-warn", "yes"), ("tls-remotename", "nps.example.com")];
    assert_eq!(methods(&named), [MsChapV2, Peap, Ttls, Otp, Gtc, Md5]);
    assert_eq!(methods(&[("eap", "PEAP, mschapv2 ,peap")]), [Peap, MsChapV2]);
    let (profile, notices) = read(&[("gateway", "vpn.example.com"), ("user", "me"), ("eap", "tls,sim")]);
    assert_eq!((profile.eap.methods.as_slice(), notices.len()), (&[][..], 2));
    assert_eq!(profile.check(), Ok(()));
    let refused = [("refuse-pap", "yes"), ("refuse-chap", "yes"), ("refuse-mschapv2", "yes")];
    let only = [&[("gateway", "vpn.example.com"), ("user", "me"), ("eap", "tls")][..], &refused].concat();
    assert_eq!(read(&only).0.check(), Err(Error::NoEapMethod));
    let certificate = [("connection-type", "tls"), ("tls-user-cert", "/c.pem"), ("eap", "tls")];
    assert_eq!(methods(&certificate), [Tls]);
}

#[test]
fn what_is_spoken_inside() {
    use EapMethod::{Gtc, MsChapV2, Otp, Tls};
    for (phase2, inner, ttls) in [
        ("", &[MsChapV2, Gtc, Otp][..], TtlsInner::MsChapV2),
        ("mschapv2", &[MsChapV2], TtlsInner::MsChapV2),
        ("eap-mschapv2", &[MsChapV2], TtlsInner::Eap),
        ("pap", &[], TtlsInner::Pap),
        ("gtc", &[Gtc], TtlsInner::Eap),
        ("tls", &[Tls], TtlsInner::Eap),
    ] {
        let (profile, _) = read(&[("gateway", "vpn.example.com"), ("phase2-auth", phase2)]);
        assert_eq!((profile.eap.inner_methods.as_slice(), profile.eap.ttls), (inner, ttls), "{phase2}");
    }
}

/// Whom a profile trusts inside EAP.
#[test]
fn trust_inside_eap() {
    let inner = |pairs: &[(&str, &str)]| read(&[&[("gateway", "vpn.example.com")], pairs].concat()).0.inner_tls;
    assert_eq!(inner(&[]), InnerTls::default());
    assert_eq!(inner(&[("ca-cert", "/a.pem")]).ca_cert.as_deref(), Some("/a.pem".as_ref()));
    let both = [("ca-cert", "/a.pem"), ("tls-ca-cert", "/b.pem")];
    assert_eq!(inner(&both).ca_cert.as_deref(), Some("/b.pem".as_ref()));
    let name = ("tls-remotename", "nps.example.com");
    let is = |method| ServerName::Is(method, "nps.example.com".to_owned());
    assert_eq!(inner(&[name]).server_name, is(VerifyMethod::Name));
    assert_eq!(inner(&[name, ("tls-verify-method", "subject")]).server_name, is(VerifyMethod::Subject));
    assert_eq!(inner(&[name, ("tls-verify-method", "none")]).server_name, ServerName::Any);
    assert_eq!(inner(&[("tls-verify-method", "suffix")]).server_name, ServerName::Unset);
}

/// Plasma knows neither connection-type nor tls-ext nor mtu, always writes proxy-port and both flags, and allows every
/// method.
#[test]
fn plasma() {
    let pairs = [
        ("user", "me"),
        ("password-flags", "1"),
        ("proxy-port", "0"),
        ("proxy-password-flags", "1"),
        ("lcp-echo-failure", "5"),
        ("lcp-echo-interval", "30"),
    ];
    let (profile, notices) = read(&pairs);
    assert_eq!(notices, [""; 0]);
    assert_eq!((profile.methods, &profile.proxy), (ALL, &None));
    assert!(profile.send_sni);
    assert_eq!(profile.check(), Ok(()));
    assert_eq!(profile.missing_secrets(&Secrets::default()), [Secret::Password]);

    let proxy = [("proxy-server", "proxy.example"), ("proxy-port", "3128"), ("proxy-password", "hunter2")];
    let (profile, notices) = read(&[&pairs[..2], &proxy, &[("proxy-user", "me")]].concat());
    assert_eq!(notices, [""; 0]);
    let host = Host::Name("proxy.example".into());
    let expected = Proxy { kind: ProxyKind::Http, host, port: 3128, user: Some("me".into()) };
    assert_eq!(profile.proxy, Some(expected));
    assert_eq!(profile.check(), Ok(()));
    assert_eq!(profile.missing_secrets(&Secrets::default()), [Secret::Password, Secret::ProxyPassword]);
    assert!(!format!("{profile:?}").contains("hunter2"));
}

/// What a person types: `nmcli connection add type vpn vpn-type sstp vpn.data "gateway = 192.0.2.1, user = me"`.
#[test]
fn nmcli() {
    let (profile, notices) = read(&[("gateway", "192.0.2.1"), ("user", "me"), ("Refuse-Pap", "yes"), ("colour", "")]);
    assert_eq!(profile.gateway.host, Host::Address(IpAddr::from([192, 0, 2, 1])));
    assert_eq!(
        notices,
        [r#"the setting "Refuse-Pap" is unknown; it is ignored"#, r#"the setting "colour" is unknown; it is ignored"#]
    );
    assert_eq!(profile.methods, ALL);
    assert_eq!(profile.session_config(&Secrets::default(), None, None).err(), Some(Error::NoPassword));

    // Without `user`, NetworkManager's user-name serves; without both there is a sentence.
    let without_user = data(&[("gateway", "vpn.example.com")]);
    let of = |user, uuid| Profile::from_settings(&without_user, user, uuid).unwrap().0;
    assert_eq!(user_name(&of(Some("login"), None)), Some("login"));
    assert_eq!(user_name(&of(Some(""), None)), None);
    assert_eq!(of(None, None).check(), Err(Error::NoUserName));
    assert_eq!(of(None, None).missing_secrets(&Secrets::default()), [Secret::User, Secret::Password]);
    assert_eq!(of(Some("login"), None).missing_secrets(&Secrets::default()), [Secret::Password]);
    let uuid = "0A1B2C3D-4e5f-6071-8293-a4b5c6d7e8f9";
    assert_eq!(of(None, Some(uuid)).correlation_id.map(|uuid| uuid[0]), Some(0x0a));
}

/// Before 1.3.0 there was no connection-type, no mtu and no certificate.
#[test]
fn version_1_2_6() {
    let (profile, notices) = read(&[
        ("user", r"CORP\me"),
        ("password-flags", "0"),
        ("ca-cert", "/etc/ssl/ca.pem"),
        ("ignore-cert-warn", "yes"),
        ("tls-ext", "no"),
        ("refuse-pap", "yes"),
        ("refuse-mschapv2", "yes"),
        ("unit", "0"),
        ("name", "old"),
    ]);
    assert_eq!(user_name(&profile), Some(r"CORP\me"));
    assert!(profile.ignore_cert_warn && !profile.send_sni);
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("ignore-cert-warn=yes") && notices[0].contains("1.3.0"));
    assert_eq!(profile.interface, "ppp0");
    assert_eq!(profile.methods, session::Methods { pap: false, chap_md5: true, mschapv2: false, eap: true });
}

#[test]
fn every_key_is_known_whatever_its_value() {
    for value in ["", "yes", "no", "0", "4294967296", "-1", "x", "\u{202e}", "\n"] {
        let mut settings: BTreeMap<_, _> = KEYS.iter().map(|key| (key.name.to_owned(), value.to_owned())).collect();
        settings.insert("gateway".into(), "vpn.example.com".into());
        settings.insert("connection-type".into(), "tls".into());
        let (_, notices) = Profile::from_settings(&settings, None, None).unwrap();
        for notice in notices {
            let notice = notice.to_string();
            assert!(!notice.contains("unknown"), "{notice}");
            assert!(!notice.chars().any(|c| c.is_control() || c == '\u{202e}'), "{notice:?} is fit for a log");
        }
    }
}

#[test]
fn values_that_cannot_be_read_are_named_and_ignored() {
    let (profile, notices) = read(&[
        ("user", "me"),
        ("password-flags", "ask"),
        ("tls-ext", "maybe"),
        ("ignore-cert-warn", "2"),
        ("refuse-pap", "ja"),
        ("no-vj-comp", "nein"),
        ("mtu", "65536"),
        ("unit", "first"),
        ("lcp-echo-interval", "-1"),
        ("uuid", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
        ("crl-file", "/etc/ssl/crl.pem"),
    ]);
    assert_eq!(notices.len(), 9, "{notices:#?}");
    assert!(profile.send_sni && !profile.ignore_cert_warn && profile.methods.pap);
    assert_eq!((profile.mtu, profile.lcp_echo_interval, profile.interface.as_str()), (None, None, "sstp%d"));
    assert_eq!(profile.inner_tls.crl_file.as_deref(), Some("/etc/ssl/crl.pem".as_ref()));
}

#[test]
fn mtu() {
    for (text, mtu, ipv6, noticed) in [
        ("0", None, true, false),
        ("127", None, true, true),
        ("128", Some(128), false, true),
        ("1279", Some(1279), false, true),
        ("1280", Some(1280), true, false),
        ("1500", Some(1500), true, false),
        ("9000", Some(9000), true, false),
    ] {
        let (profile, notices) = read(&[("user", "me"), ("mtu", text)]);
        assert_eq!((profile.mtu, profile.ipv6, !notices.is_empty()), (mtu, ipv6, noticed), "{text}");
        let config = profile.session_config(&password("x"), None, None).unwrap();
        assert_eq!((config.mtu, config.mru), (mtu, mtu.unwrap_or(1500).min(1500)), "{text}");
    }
}

#[test]
fn mru() {
    for (mru, mtu, requested, noticed) in [
        ("", "", 1500, false),
        ("0", "1400", 1400, false),
        ("1400", "", 1400, false),
        ("1600", "1400", 1600, false),
        ("4091", "", 4091, false),
        ("100", "", 576, true),
        ("5000", "", 1500, true),
    ] {
        let (profile, notices) = read(&[("user", "me"), ("mru", mru), ("mtu", mtu)]);
        let config = profile.session_config(&password("x"), None, None).unwrap();
        assert_eq!((config.mru, !notices.is_empty()), (requested, noticed), "mru={mru} mtu={mtu}");
    }
}

#[test]
fn names_of_the_interface() {
    for (interface, unit, name, noticed) in [
        ("", "", "sstp%d", false),
        ("", "7", "ppp7", false),
        ("office", "", "office", false),
        ("office", "7", "office", true),
        ("ppp7", "7", "ppp7", false),
        ("office%d", "", "office%d", false),
        ("../office", "7", "ppp7", true),
        ("an-interface-too-long", "", "sstp%d", true),
    ] {
        let (profile, notices) = read(&[("interface", interface), ("unit", unit)]);
        assert_eq!((profile.interface.as_str(), !notices.is_empty()), (name, noticed), "{interface} {unit}");
    }
}

#[test]
fn addresses_to_ask_for() {
    for (text, address, noticed) in [
        ("", [0, 0, 0, 0], false),
        ("0.0.0.0", [0, 0, 0, 0], false),
        ("10.99.0.7", [10, 99, 0, 7], false),
        (" 10.99.0.7 ", [10, 99, 0, 7], false),
        ("10.99.0.7/24", [0, 0, 0, 0], true),
        ("127.0.0.1", [0, 0, 0, 0], true),
        ("224.0.0.1", [0, 0, 0, 0], true),
        ("fd00::1", [0, 0, 0, 0], true),
    ] {
        let (profile, notices) = read(&[("user", "me"), ("ipv4-address", text)]);
        let config = profile.session_config(&password("x"), None, None).unwrap();
        assert_eq!((config.ipv4_address, !notices.is_empty()), (address.into(), noticed), "{text}");
    }
}

#[test]
fn how_long_a_server_may_take() {
    let seconds = Duration::from_secs;
    for (pairs, idle, answer, connect) in [
        (&[][..], 45, Some(15), None),
        (&[("hello-interval", "60"), ("dead-peer-timeout", "0")], 60, None, None),
        (&[("hello-interval", "0"), ("dead-peer-timeout", "soon"), ("connect-timeout", "0")], 45, Some(15), None),
        (&[("dead-peer-timeout", "4"), ("connect-timeout", "90")], 45, Some(4), Some(90)),
    ] {
        let (profile, _) = read(&[&[("user", "me")], pairs].concat());
        let patience = session::Patience { idle: seconds(idle), answer: answer.map(seconds) };
        assert_eq!((profile.patience, profile.connect_timeout), (patience, connect.map(seconds)), "{pairs:?}");
        assert_eq!(profile.session_config(&password("x"), None, None).unwrap().patience, patience);
    }
}

#[test]
fn what_is_told_of_a_connection() {
    let of = |pairs: &[(&str, &str)]| {
        let (profile, notices) = read(pairs);
        (profile.log_level, profile.capture, notices.len())
    };
    assert_eq!(of(&[]), (None, None, 0));
    assert_eq!(of(&[("log-level", "trace")]), (Some(LogLevel::Trace), None, 0));
    assert_eq!(of(&[("log-level", "7")]), (None, None, 1));
    let capture = |secrets| Some(Capture { name: "office.pcapng".into(), secrets });
    assert_eq!(of(&[("capture", "office.pcapng")]), (None, capture(false), 0));
    assert_eq!(of(&[("capture", "office.pcapng"), ("capture-secrets", "yes")]), (None, capture(true), 0));
    for name in ["/etc/shadow", "../x", "a/b", ".hidden", "a\nb", "a b", &"x".repeat(101)] {
        assert_eq!(of(&[("capture", name)]), (None, None, 1), "{name:?}");
    }
}

#[test]
fn a_domain_goes_in_front_of_the_user_once() {
    let of = |user, domain| {
        let (profile, notices) = read(&[("user", user), ("domain", domain)]);
        (user_name(&profile).map(str::to_owned), notices.len())
    };
    assert_eq!(of("me", "CORP"), (Some(r"CORP\me".into()), 0));
    assert_eq!(of("me", ""), (Some("me".into()), 0));
    assert_eq!(of(r"OTHER\me", "CORP"), (Some(r"OTHER\me".into()), 1));
    assert_eq!(of("", "CORP"), (None, 0));
}

#[test]
fn mppe_leaves_only_methods_that_yield_keys() {
    for key in ["require-mppe", "require-mppe-40", "require-mppe-128"] {
        assert_eq!(read(&[(key, "yes")]).0.methods, ONLY_MSCHAPV2);
    }
    let (profile, _) =
        read(&[("user", "me"), ("require-mppe", "yes"), ("refuse-mschapv2", "yes"), ("refuse-eap", "yes")]);
    assert_eq!(profile.check(), Err(Error::NoMethodLeft));
}

#[test]
fn a_password_that_is_not_required_is_empty() {
    let (profile, _) = read(&[("user", "me"), ("password-flags", "4")]);
    assert_eq!(profile.missing_secrets(&Secrets::default()), []);
    assert_eq!(profile.session_config(&Secrets::default(), None, None).unwrap().password.as_str(), "");
    assert_eq!(profile.session_config(&password("x"), None, None).unwrap().password.as_str(), "x");
}

#[test]
fn what_cannot_be_read_at_all() {
    let error = |pairs: &[_]| Profile::from_settings(&data(pairs), Some("me"), None).unwrap_err();
    assert_eq!(error(&[]), Error::NoGateway);
    assert_eq!(error(&[("gateway", "")]), Error::NoGateway);
    let gateway = error(&[("gateway", "http://vpn.example.com/")]);
    assert_eq!(
        gateway.to_string(),
        "the gateway \"http://vpn.example.com/\" of the profile cannot be used: \
         only https:// may stand in front of the name"
    );
    let kind = error(&[("gateway", "vpn.example.com"), ("connection-type", "psk")]);
    assert_eq!(kind, Error::BadConnectionType("psk".into()));
}

#[test]
fn uuids() {
    let bytes = Some(0x0a1b_2c3d_4e5f_6071_8293_a4b5_c6d7_e8f9_u128.to_be_bytes());
    assert_eq!(parse_uuid("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"), bytes);
    assert_eq!(parse_uuid("{0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9}"), bytes);
    for text in ["", "{}", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f", "+a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", "----"] {
        assert_eq!(parse_uuid(text), None, "{text:?}");
    }
}

#[test]
fn a_gateway_with_a_tenant_or_a_path() {
    let config = |gateway| {
        let (profile, notices) = read(&[("gateway", gateway), ("user", "me")]);
        assert_eq!(notices, [""; 0]);
        let (session, survey) = (profile.session_config(&password("x"), None, None).unwrap(), profile.survey_config());
        assert_eq!((&session.uri, &session.host), (&survey.uri, &survey.host));
        (session.uri, session.host)
    };
    let uri = "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/";
    assert_eq!(config("vpn.example.com:8443"), (uri.to_owned(), "vpn.example.com:8443".to_owned()));
    assert_eq!(config("vpn.example.com?tenantid=a"), (format!("{uri}?tenantid=a"), "vpn.example.com".to_owned()));
    assert_eq!(config("[::1]:9/vpn"), ("/vpn".to_owned(), "[::1]:9".to_owned()));
}

#[test]
fn what_is_expected_of_the_gateways_tls() {
    let (profile, _) = read(&[("user", "me")]);
    let nothing =
        GatewayTls { name: None, sni: None, fingerprint: None, min_version: Version::Tls12, bad_fingerprint: None };
    assert_eq!(profile.gateway_tls, nothing, "as before there were such settings");
    assert_eq!(profile.server_name(), &profile.gateway.host);

    let (profile, notices) = read(&[
        ("gateway", "192.0.2.1:8443"),
        ("gateway-name", "vpn.example.com"),
        ("gateway-sni", "B\u{fc}cher.example"),
        ("gateway-tls-min-version", "1.3"),
        ("gateway-fingerprint", &"Ab:".repeat(32)),
        ("user", "me"),
    ]);
    assert_eq!(notices, [""; 0]);
    let expected = GatewayTls {
        name: Some(Host::Name("vpn.example.com".into())),
        sni: Some("xn--bcher-kva.example".into()),
        fingerprint: Some([0xab; 32]),
        min_version: Version::Tls13,
        bad_fingerprint: None,
    };
    assert_eq!(profile.gateway_tls, expected);
    assert_eq!(profile.session_config(&password("x"), None, None).unwrap().host, "vpn.example.com:8443");
    assert_eq!(profile.gateway.to_string(), "192.0.2.1:8443", "this is where it is, for messages");
}

#[test]
fn expectations_that_cannot_be_met_are_named() {
    let notice = |pairs: &[(&str, &str)]| {
        let (profile, notices) = read(&[pairs, &[("user", "me")]].concat());
        assert_eq!(notices.len(), 1, "{notices:?}");
        (profile.gateway_tls, notices[0].to_string())
    };
    let (tls, text) = notice(&[("gateway-name", "a b")]);
    assert_eq!(tls.name, None);
    assert!(text.starts_with("gateway-name=\"a b\" is ignored: only letters"), "{text}");
    let (tls, text) = notice(&[("gateway-sni", "192.0.2.1")]);
    assert!(tls.sni.is_none() && text.contains("is an address"), "{text}");
    let (tls, text) = notice(&[("gateway-sni", "a.example"), ("tls-ext", "no")]);
    assert!(tls.sni.is_none() && text.contains("tls-ext=no"), "{text}");
    let (tls, text) = notice(&[("gateway-tls-min-version", "1.1")]);
    assert!(tls.min_version == Version::Tls11 && text.contains("can be broken"), "{text}");
    let (tls, text) = notice(&[("gateway-tls-min-version", "3")]);
    assert!(tls.min_version == Version::Tls12 && text.contains("is none of 1.0"), "{text}");

    let (profile, _) = read(&[("gateway-fingerprint", "AB:CD"), ("user", "me")]);
    assert_eq!(
        profile.check(),
        Err(Error::BadFingerprint("AB:CD".into())),
        "it does not connect as if there were none"
    );
    assert_eq!(profile.missing_secrets(&Secrets::default()), []);

    let pinned = [("gateway-fingerprint", "ab".repeat(32)), ("ignore-cert-warn", "yes".to_owned())];
    let pinned: Vec<_> = pinned.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (profile, notices) = read(&[&pinned[..], &[("user", "me")]].concat());
    assert!(!profile.ignore_cert_warn);
    assert!(notices[0].to_string().starts_with("ignore-cert-warn=yes is ignored"), "{notices:?}");
}
