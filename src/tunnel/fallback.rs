//! What a tunnel tries in the place of a method of EAP that the server wants first and that cannot be used.
//!
//! EAP is agreed to before its method is known, and a server that is refused a method mostly ends the call. So another call
//! is made without what failed, as long as the profile leaves the choice and something is left: servers that offer PEAP
//! or a smart card first often take MS-CHAPv2, too, and clients that knew neither have connected to them.

use super::Failure;
use crate::ppp::inner_tls::{Fault, TlsError};
use crate::profile::{Authentication, Profile};
use crate::session::{Error, Methods};

/// The profile without what failed; `None` where this failure, or the profile, leaves nothing else to try.
pub(super) fn without_what_failed(profile: &Profile, failure: &Failure) -> Option<Profile> {
    if !matches!(profile.authentication, Authentication::Password { .. }) {
        return None;
    }
    let mut reduced = profile.clone();
    match failure {
        Failure::Session(Error::InnerTls(TlsError { fault: Fault::Certificate | Fault::Local, .. }))
            if profile.eap.by_default && profile.eap.needs_tls() =>
        {
            reduced.eap.remove_tunnels();
        }
        Failure::Session(Error::NoCommonEapMethod { .. }) if profile.methods.eap => {
            let Methods { pap, chap_md5, mschapv2, .. } = profile.methods;
            if !(pap || chap_md5 || mschapv2) {
                return None;
            }
            reduced.methods.eap = false;
        }
        _ => return None,
    }
    reduced.check().is_ok().then_some(reduced)
}

/// Whether the two sides found no way to authenticate in common.
pub(super) fn is_no_agreement(failure: &Failure) -> bool {
    matches!(failure, Failure::Session(Error::NoCommonEapMethod { .. } | Error::PeerIncompatible(_)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn profile(pairs: &[(&str, &str)]) -> Profile {
        let pairs = [&[("gateway", "vpn.example.com"), ("user", "me")], pairs].concat();
        let data: BTreeMap<String, String> =
            pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        Profile::from_settings(&data, None, None).unwrap().0
    }

    fn stranger() -> Failure {
        let text = "the certificate is of a stranger".to_owned();
        Failure::Session(Error::InnerTls(TlsError { fault: Fault::Certificate, text }))
    }

    fn no_method() -> Failure {
        Failure::Session(Error::NoCommonEapMethod { asked: "EAP-TLS".to_owned() })
    }

    #[test]
    fn peap_with_a_stranger_then_no_eap_at_all() {
        let first = without_what_failed(&profile(&[]), &stranger()).unwrap();
        assert!(!first.eap.needs_tls() && first.methods.eap);
        assert!(without_what_failed(&first, &stranger()).is_none(), "nothing to take away twice");
        let second = without_what_failed(&first, &no_method()).unwrap();
        assert!(!second.methods.eap && second.methods.mschapv2);
        assert!(without_what_failed(&second, &no_method()).is_none());
    }

    #[test]
    fn what_the_profile_chose_is_not_done_without() {
        for pairs in [&[("eap", "peap")][..], &[("tls-ca-cert", "/etc/ssl/radius.pem")], &[("tls-fingerprint", "AB")]] {
            assert!(without_what_failed(&profile(pairs), &stranger()).is_none(), "{pairs:?}");
        }
        let only_eap = [("refuse-pap", "yes"), ("refuse-chap", "yes"), ("refuse-mschapv2", "yes")];
        assert!(without_what_failed(&profile(&only_eap), &no_method()).is_none());
        let certificate = [("connection-type", "tls"), ("tls-user-cert", "/c.pem")];
        assert!(without_what_failed(&profile(&certificate), &no_method()).is_none());
    }

    #[test]
    fn a_refusal_is_a_refusal() {
        let refused = Failure::Session(Error::AuthenticationFailed { code: Some(691), message: String::new() });
        assert!(without_what_failed(&profile(&[]), &refused).is_none());
        let text = "our certificate was refused".to_owned();
        let refused = Failure::Session(Error::InnerTls(TlsError { fault: Fault::Refused, text }));
        assert!(without_what_failed(&profile(&[]), &refused).is_none());
    }
}
