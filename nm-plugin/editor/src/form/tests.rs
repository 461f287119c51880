use super::*;
use crate::fields::{self, Control};

fn settings(pairs: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    settings.data.extend(pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())));
    settings
}

fn opened(pairs: &[(&str, &str)]) -> Form {
    Form::open(settings(pairs))
}

fn saved(form: &Form) -> Vec<(String, String)> {
    form.settings().data.clone().into_iter().collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// Every control of the window shows what the form has, and gives it back.
fn touch(form: &mut Form) {
    for field in fields::fields() {
        let key = field.key.name;
        match field.control {
            Control::Entry | Control::File => form.set_text(key, &form.text(key)),
            Control::Check { .. } => form.set_yes(key, form.yes(key)),
            Control::Menu => {
                if let Some(word) = form.word(key) {
                    form.set_text(key, word);
                }
            }
            Control::Storage(secret) => form.set_storage(secret, form.storage(secret)),
            Control::Flags => form.set_text(key, &form.text(key)),
            Control::Secret(_) => {}
        }
    }
    for secret in KEPT {
        let value = form.secret(secret).to_owned();
        form.set_secret(secret, &value);
    }
    form.set_persistent(form.persistent());
    let timeout = form.timeout().to_owned();
    form.set_timeout(&timeout);
}

/// Profiles of every program, with keys and spellings that are nobody's.
const PROFILES: &[&[(&str, &str)]] = &[
    &[
        ("gateway", "a.example"),
        ("connection-type", "password"),
        ("user", "me"),
        ("password-flags", "1"),
        ("refuse-pap", "yes"),
        ("refuse-chap", "yes"),
        ("refuse-eap", "no"),
        ("tls-ext", "yes"),
        ("ignore-cert-warn", "no"),
        ("mtu", "1400"),
        ("lcp-echo-failure", "5"),
        ("lcp-echo-interval", "30"),
        ("unit", "0"),
    ],
    &[
        ("gateway", "a.example"),
        ("connection-type", "tls"),
        ("tls-user-cert", r"/home/j\303\266rg/\040me.p12"),
        ("tls-user-key", "/home/j\u{f6}rg/me\\\\.p12"),
        ("tls-user-key-secret-flags", "3"),
        ("tls-verify-key-usage", "no"),
        ("tls-subject-name", "me@example.com"),
        ("crl-file", r"/tmp/\377"),
    ],
    &[
        ("gateway", " A.example:443 "),
        ("gateway-fingerprint", "none"),
        ("mtu", " 1400bytes"),
        ("refuse-pap", "TRUE"),
        ("refuse-chap", "maybe"),
        ("refuse-eap", ""),
        ("password-flags", "none"),
        ("proxy-password-flags", "07"),
        ("routes", "some"),
        ("hlak", ""),
        ("unit", ""),
        ("name", "old"),
        ("no-secret", "true"),
        ("Refuse-Pap", "yes"),
        ("colour", "  blue\n"),
        ("", ""),
    ],
];

#[test]
fn what_is_opened_and_saved_is_unchanged() {
    for profile in PROFILES {
        let mut settings = settings(profile);
        settings.secrets.insert("password".into(), Zeroizing::new("hunter2".into()));
        settings.secrets.insert("pin".into(), Zeroizing::new(String::new()));
        settings.user_name = Some("login".into());
        (settings.persistent, settings.timeout) = (true, 7);
        let mut form = Form::open(settings.clone());
        touch(&mut form);
        assert!(form.settings() == settings, "{:?} became {:?}", settings.data, form.settings().data);
        assert_eq!(form.remarks(), []);
    }
}

#[test]
fn what_is_changed_and_changed_back_is_unchanged() {
    for profile in PROFILES {
        let mut form = opened(profile);
        for (key, _) in *profile {
            let (text, yes) = (form.text(key), form.yes(key));
            match find(key).map(|key| key.kind) {
                Some(Kind::Yes) if yes_or_no(&text).is_some() => {
                    form.set_yes(key, !yes);
                    assert_eq!(form.yes(key), !yes);
                    form.set_yes(key, yes);
                }
                Some(Kind::Text | Kind::Path | Kind::Number { .. }) => {
                    form.set_text(key, "/other");
                    form.set_text(key, &text);
                }
                _ => {}
            }
        }
        assert!(form.settings() == settings(profile), "{profile:?} became {:?}", form.settings().data);
    }
}

#[test]
fn a_new_connection_has_what_was_entered_alone() {
    let mut form = opened(&[]);
    touch(&mut form);
    assert!(form.is_new());
    assert_eq!(form.check().unwrap_err().0, Some("gateway"));
    form.set_text("gateway", "vpn.example.com");
    form.set_text("user", "me");
    form.set_text("hello-interval", "45");
    assert_eq!(form.check(), Ok(()));
    let expected = pairs(&[("gateway", "vpn.example.com"), ("password-flags", "1"), ("user", "me")]);
    assert_eq!(saved(&form), expected);
    form.set_storage(Secret::Password, Storage::AllUsers);
    assert_eq!((form.storage(Secret::Password), saved(&form)[1].1.as_str()), (Storage::AllUsers, "0"));
}

#[test]
fn a_way_to_log_on_keeps_the_keys_of_the_other() {
    let mut form = opened(PROFILES[0]);
    form.set_secret(Secret::Password, "hunter2");
    form.set_text("connection-type", "tls");
    assert_eq!(form.check().unwrap_err().0, Some("tls-user-cert"));
    form.set_text("tls-user-cert", "/c.p12");
    assert_eq!((form.check(), form.certificate()), (Ok(()), true));
    let data = form.settings().data.clone();
    assert_eq!((data["user"].as_str(), data["tls-user-key-secret-flags"].as_str()), ("me", "1"));
    form.set_text("connection-type", "password");
    assert_eq!((form.secret(Secret::Password), form.text("tls-user-cert").as_str()), ("hunter2", "/c.p12"));
}

#[test]
fn a_secret_that_nobody_keeps_is_not_saved() {
    let mut form = opened(PROFILES[0]);
    form.set_secret(Secret::Password, "hunter2");
    for (storage, kept) in [(Storage::Ask, false), (Storage::AllUsers, true), (Storage::NotRequired, false)] {
        form.set_storage(Secret::Password, storage);
        assert_eq!(form.storage(Secret::Password), storage);
        assert_eq!(form.settings().secrets.contains_key("password"), kept);
        assert_eq!(Form::open(form.settings()).storage(Secret::Password), storage);
    }
}

#[test]
fn the_user_of_networkmanager_is_shown_and_kept() {
    let mut settings = settings(&[("gateway", "a.example")]);
    settings.user_name = Some("login".into());
    let mut form = Form::open(settings.clone());
    assert_eq!(form.text("user"), "login");
    form.set_text("user", "other");
    assert_eq!((form.text("user").as_str(), &form.settings().user_name), ("other", &None));
    form.set_text("user", "");
    assert_eq!((form.text("user").as_str(), form.settings().data.len()), ("", 1));
    form.set_text("user", "login");
    assert!(form.settings() == settings);
}

#[test]
fn paths_are_escaped_as_settings_have_them() {
    let mut form = opened(PROFILES[1]);
    assert_eq!(form.text("tls-user-cert"), "/home/j\u{f6}rg/ me.p12");
    assert_eq!(form.text("crl-file"), r"/tmp/\377", "it is no text");
    form.set_text("ca-cert", r"/etc/a\b");
    assert_eq!((form.settings().data["ca-cert"].as_str(), form.text("ca-cert").as_str()), (r"/etc/a\\b", r"/etc/a\b"));
}

#[test]
fn what_is_wrong_is_told_as_it_is_typed() {
    let mut form = opened(PROFILES[0]);
    for (key, bad, good) in [("mtu", "99999", "1400"), ("gateway", "a b", "a.example"), ("proxy-server", "x@y", "y")] {
        form.set_text(key, bad);
        assert!(form.fault(key).is_some_and(|sentence| sentence.ends_with('.')), "{key}");
        assert_eq!(form.check().unwrap_err(), (Some(key), form.fault(key).unwrap()));
        form.set_text(key, good);
        assert_eq!((form.fault(key), form.check()), (None, Ok(())));
    }
    for key in ["refuse-pap", "refuse-chap", "refuse-mschapv2", "refuse-eap"] {
        form.set_yes(key, true);
    }
    assert_eq!(form.check().unwrap_err().0, Some("refuse-mschapv2"));
    let mut form = opened(PROFILES[0]);
    form.set_timeout("soon");
    assert_eq!(form.check().unwrap_err(), (Some("timeout"), form.fault("timeout").unwrap()));
    form.set_timeout(" 90 ");
    assert_eq!((form.check(), form.settings().timeout), (Ok(()), 90));
    form.set_timeout("");
    assert_eq!((form.check(), form.settings().timeout), (Ok(()), 0));
}

#[test]
fn what_was_wrong_already_does_not_keep_the_rest_from_being_changed() {
    let mut form = opened(&[("gateway", "a b"), ("mtu", "x"), ("refuse-chap", "maybe")]);
    form.set_text("user", "me");
    assert!(form.fault("mtu").is_some() && form.fault("gateway").is_some());
    assert_eq!(form.check(), Ok(()));
    form.set_text("gateway", "");
    assert_eq!(form.check().unwrap_err().0, Some("gateway"));
}

#[test]
fn what_can_be_used_may_be_worth_a_word() {
    let mut form = opened(PROFILES[0]);
    form.set_text("mtu", "1000");
    form.set_text("ca-cert", "/nonexistent/ca.pem");
    form.set_text("crl-file", "/");
    form.set_text("user", r"CORP\me");
    form.set_text("domain", "CORP");
    form.set_text("gateway-tls-min-version", "1.1");
    form.set_yes("ignore-cert-warn", true);
    let noted = |key| form.note(key).is_some();
    assert!(["mtu", "domain", "ca-cert", "gateway-tls-min-version", "ignore-cert-warn"].into_iter().all(noted));
    assert!(!noted("crl-file") && !noted("unit"));
    assert_eq!(form.check(), Ok(()));
}

#[test]
fn what_is_unknown_is_listed() {
    let form = opened(PROFILES[2]);
    let unknown: Vec<_> = form.unknown().map(|(key, _)| key).collect();
    assert_eq!(unknown, ["", "Refuse-Pap", "colour"]);
}
