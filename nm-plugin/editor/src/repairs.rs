//! What other programs got wrong in the profiles that they wrote.
//!
//! A page that is opened shows what a profile means. Where the program that wrote it meant something else, and that is
//! certain, the page shows the repaired profile and says so; the repair is done when the person saves. Where it is not
//! certain, the page asks.

use std::collections::BTreeMap;

use nm_sstp::profile::{Secret, yes_or_no};
use nm_sstp::tr;
use zeroize::{Zeroize, Zeroizing};

/// The secrets of a profile, by name.
pub(crate) type Secrets = BTreeMap<String, Zeroizing<String>>;

/// Something to tell about a profile that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// The profile does not verify the gateway's certificate, since an editor took a ticked box for the contrary.
    VerifiesAgain,
    /// The same, unless it was what the person wanted.
    MayHaveWantedVerification,
    /// The proxy's password was among the data, which everybody can read.
    ProxyPasswordMoved,
    /// The port of the proxy was 0.
    ProxyPortDropped,
    /// How the user authenticates was not said in a word that is known; it was taken for this one.
    TypeGuessed {
        /// As written.
        was: String,
        /// Whether it was taken for a certificate.
        certificate: bool,
    },
}

impl Remark {
    /// What the page says.
    pub fn sentence(&self) -> String {
        match self {
            Self::VerifiesAgain => tr!(
                "An older editor switched the verification of the server's certificate off when it was asked to switch it \
                 on. Saving switches it on. If the server then is not trusted any more, Test says what to do."
            ),
            Self::MayHaveWantedVerification => tr!(
                "This connection accepts any certificate, so that anybody can pretend to be the server. Older editors set \
                 this by mistake. Unless you want it, have the certificate verified."
            ),
            Self::ProxyPasswordMoved => tr!(
                "The password of the proxy was stored where every user can read it. Saving moves it to where the other \
                 passwords are."
            ),
            Self::ProxyPortDropped => tr!("The port of the proxy was 0. Saving removes it, and the usual one is used."),
            Self::TypeGuessed { was, certificate: false } => tr!(
                "How you log on was called “{word}”, which is unknown. It was taken for a password; saving stores that.",
                word = was
            ),
            Self::TypeGuessed { was, certificate: true } => tr!(
                "How you log on was called “{word}”, which is unknown. It was taken for a certificate; saving stores that.",
                word = was
            ),
        }
    }

    /// Whether saving changes something.
    pub fn is_repair(&self) -> bool {
        *self != Self::MayHaveWantedVerification
    }
}

/// Repairs a profile, and tells what there is to tell.
pub(crate) fn repair(data: &mut BTreeMap<String, String>, secrets: &mut Secrets) -> Vec<Remark> {
    let mut remarks = Vec::new();
    remarks.extend(verification(data));
    if let Some(mut password) = data.remove(Secret::ProxyPassword.name()).filter(|password| !password.is_empty()) {
        let kept = secrets.entry(Secret::ProxyPassword.name().to_owned()).or_default();
        // as when connecting, a secret goes first
        if kept.is_empty() {
            kept.push_str(&password);
        }
        password.zeroize();
        remarks.push(Remark::ProxyPasswordMoved);
    }
    if data.get("proxy-port").is_some_and(|port| port.trim() == "0") {
        data.remove("proxy-port");
        // Plasma writes it for those who have no proxy, too, who need not be told
        if data.get("proxy-server").is_some_and(|server| !server.is_empty()) {
            remarks.push(Remark::ProxyPortDropped);
        }
    }
    remarks.extend(connection_type(data));
    remarks
}

/// The editor of network-manager-sstp 1.3.0 wrote `ignore-cert-warn=yes` where "Verify certificate" was ticked, and
/// nothing where it was not. It is known by what it always wrote, and by the lack of what its successors always wrote.
fn verification(data: &mut BTreeMap<String, String>) -> Option<Remark> {
    let ignores = data.get("ignore-cert-warn").and_then(|value| yes_or_no(value)) == Some(true);
    if !ignores || data.get("gateway-fingerprint").is_some_and(|pin| !pin.is_empty()) {
        return None;
    }
    let wrote = |keys: &[&str]| keys.iter().all(|key| data.contains_key(*key));
    let of_that_editor = wrote(&["connection-type", "refuse-pap", "refuse-chap"]);
    if of_that_editor && !data.contains_key("tls-ext") && !data.contains_key("mtu") {
        data.remove("ignore-cert-warn");
        return Some(Remark::VerifiesAgain);
    }
    Some(Remark::MayHaveWantedVerification)
}

fn connection_type(data: &mut BTreeMap<String, String>) -> Option<Remark> {
    let was = data.get("connection-type").filter(|was| !["", "password", "tls"].contains(&was.as_str()))?.clone();
    let certificate = data.get("tls-user-cert").is_some_and(|certificate| !certificate.is_empty());
    data.insert("connection-type".into(), if certificate { "tls" } else { "password" }.into());
    Some(Remark::TypeGuessed { was, certificate })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLASMA: &[(&str, &str)] = &[("gateway", "a.example"), ("proxy-port", "0"), ("proxy-password-flags", "1")];
    const GTK: &[(&str, &str)] = &[
        ("gateway", "a.example"),
        ("connection-type", "password"),
        ("refuse-pap", "yes"),
        ("refuse-chap", "yes"),
        ("password-flags", "1"),
    ];

    fn repaired(pairs: &[&[(&str, &str)]]) -> (BTreeMap<String, String>, Secrets, Vec<Remark>) {
        let mut data = pairs.concat().iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let mut secrets = Secrets::new();
        let remarks = repair(&mut data, &mut secrets);
        (data, secrets, remarks)
    }

    #[test]
    fn the_inverted_box_is_repaired_where_it_is_certain() {
        let ignores = ("ignore-cert-warn", "yes");
        let (data, _, remarks) = repaired(&[GTK, &[ignores]]);
        assert_eq!(remarks, [Remark::VerifiesAgain]);
        assert!(!data.contains_key(ignores.0) && remarks[0].is_repair());
        // 1.3.1 and later, where the box says what it means; nmcli; Plasma
        for others in [&[ignores, ("tls-ext", "yes")][..], &[ignores, ("mtu", "1400")]] {
            let (data, _, remarks) = repaired(&[GTK, others]);
            assert_eq!(remarks, [Remark::MayHaveWantedVerification]);
            assert!(data.contains_key(ignores.0) && !remarks[0].is_repair());
        }
        assert_eq!(repaired(&[PLASMA, &[ignores]]).2, [Remark::MayHaveWantedVerification]);
        assert_eq!(repaired(&[GTK, &[ignores, ("gateway-fingerprint", "ab")]]).2, []);
        assert_eq!(repaired(&[GTK, &[("ignore-cert-warn", "no")]]).2, []);
    }

    #[test]
    fn the_proxys_password_becomes_a_secret() {
        let (data, secrets, remarks) = repaired(&[PLASMA, &[("proxy-password", "hunter2")]]);
        assert!(!data.contains_key("proxy-password") && !data.contains_key("proxy-port"));
        assert_eq!(secrets.get("proxy-password").map(|secret| secret.as_str()), Some("hunter2"));
        assert_eq!(remarks, [Remark::ProxyPasswordMoved]);

        let mut data = [("proxy-password".to_owned(), "old".to_owned())].into();
        let mut secrets = Secrets::from([("proxy-password".to_owned(), Zeroizing::new("new".to_owned()))]);
        repair(&mut data, &mut secrets);
        assert_eq!(secrets["proxy-password"].as_str(), "new");
    }

    #[test]
    fn a_port_that_is_none_is_told_of_where_there_is_a_proxy() {
        assert_eq!(repaired(&[PLASMA]).2, []);
        let (data, _, remarks) = repaired(&[PLASMA, &[("proxy-server", "p.example")]]);
        assert_eq!((data.contains_key("proxy-port"), remarks.as_slice()), (false, &[Remark::ProxyPortDropped][..]));
    }

    #[test]
    fn a_type_that_is_unknown_is_guessed() {
        let guessed = |pairs: &[(&str, &str)]| {
            let (data, _, remarks) = repaired(&[pairs]);
            (data["connection-type"].clone(), remarks.len())
        };
        assert_eq!(guessed(&[("connection-type", "cert"), ("tls-user-cert", "/c.pem")]), ("tls".to_owned(), 1));
        assert_eq!(guessed(&[("connection-type", "PASSWORD")]), ("password".to_owned(), 1));
        assert_eq!(guessed(&[("connection-type", "tls")]), ("tls".to_owned(), 0));
        assert_eq!(guessed(&[("connection-type", "")]), (String::new(), 0));
    }

    #[test]
    fn every_remark_is_a_sentence_without_secrets() {
        let (_, _, remarks) = repaired(&[PLASMA, &[("proxy-password", "hunter2"), ("connection-type", "C")]]);
        assert_eq!(remarks.len(), 2);
        for remark in remarks {
            assert!(remark.sentence().ends_with('.') && !format!("{remark:?}").contains("hunter2"));
        }
    }
}
