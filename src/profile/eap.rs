//! What a profile says of EAP: which methods, with which certificate, and whom to trust inside of TLS.

use std::path::PathBuf;
use std::sync::Arc;

use super::notice::notice;
use super::values::{Reader, quoted};
use crate::ppp::inner_tls::TlsConnector;
use crate::session::{EapConfig, EapMethod, HlakRule, TtlsInner};

/// The methods of EAP that a profile allows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Eap {
    /// In PPP, the preferred one first.
    pub methods: Vec<EapMethod>,
    /// Inside of PEAP and EAP-TTLS.
    pub inner_methods: Vec<EapMethod>,
    /// What EAP-TTLS speaks inside.
    pub ttls: TtlsInner,
    /// The identity outside of PEAP and EAP-TTLS; `None`: the user name.
    pub anonymous_identity: Option<String>,
    /// Which part of a method's key the crypto binding takes.
    pub hlak: HlakRule,
    /// The profile names neither methods nor whom to trust inside of them: what cannot be used may be done without.
    pub by_default: bool,
}

impl Eap {
    pub(super) fn session_config(&self, tls: Option<Arc<dyn TlsConnector>>) -> EapConfig {
        let usable = |methods: &[EapMethod]| {
            methods.iter().copied().filter(|method| tls.is_some() || !needs_tls(*method)).collect()
        };
        EapConfig {
            methods: usable(&self.methods),
            inner_methods: usable(&self.inner_methods),
            ttls: self.ttls,
            hlak: self.hlak,
            tls,
        }
    }

    /// Allows no method any more that needs TLS.
    pub fn remove_tunnels(&mut self) {
        self.methods.retain(|method| !needs_tls(*method));
    }

    /// Whether a method may be used that needs TLS inside EAP.
    pub fn needs_tls(&self) -> bool {
        self.methods.iter().copied().any(needs_tls)
    }
}

fn needs_tls(method: EapMethod) -> bool {
    matches!(method, EapMethod::Tls | EapMethod::Peap | EapMethod::Ttls)
}

/// The user's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClientCertificate {
    /// EAP identity: what the profile sets, else the name in the certificate that the editor noted.
    pub identity: Option<String>,
    /// The certificate: PEM, DER, PKCS#12, or a PKCS#11 URI.
    #[cfg_attr(feature = "serde", serde(with = "super::paths"))]
    pub user_cert: Option<PathBuf>,
    /// Its private key; `None`: it is with the certificate.
    #[cfg_attr(feature = "serde", serde(with = "super::paths"))]
    pub user_key: Option<PathBuf>,
}

/// Whom to trust inside EAP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InnerTls {
    /// The authority that issued the certificate of the authentication server: `tls-ca-cert`, else the gateway's;
    /// `None`: the system's.
    #[cfg_attr(feature = "serde", serde(with = "super::paths"))]
    pub ca_cert: Option<PathBuf>,
    /// The name that the certificate must have.
    pub server_name: ServerName,
    /// Key usage and extended key usage must be there.
    pub verify_key_usage: bool,
    /// SHA-256 of the certificate that alone is accepted, as the profile spells it.
    pub fingerprint: Option<String>,
    /// File of revoked certificates.
    #[cfg_attr(feature = "serde", serde(with = "super::paths"))]
    pub crl_file: Option<PathBuf>,
    /// Greatest TLS version: `1.0`, `1.1`, `1.2` or `1.3`.
    pub max_version: Option<String>,
}

/// The name that the certificate of the authentication server must have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ServerName {
    /// The profile does not say: the gateway's, unless the profile names the authority or the certificate.
    #[default]
    Unset,
    /// The profile says that it does not matter.
    Any,
    /// This one.
    Is(VerifyMethod, String),
}

/// How `tls-remotename` is compared with the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum VerifyMethod {
    /// With its whole subject.
    Subject,
    /// With its names.
    Name,
    /// With the ends of its names.
    Suffix,
}

/// What other keys of a profile say that matters here.
pub(super) struct Circumstances {
    /// The user has a certificate, not a password.
    pub(super) certificate: bool,
    /// CHAP with MD5 is allowed.
    pub(super) md5: bool,
    /// The gateway's certificate is verified.
    pub(super) verified: bool,
}

pub(super) fn read(reader: &mut Reader<'_>, circumstances: &Circumstances) -> Eap {
    let certificate = circumstances.certificate;
    if reader.text("phase2-auth") == Some("tls") && !certificate {
        reader.notice(notice!("phase2-auth=tls needs connection-type=tls, where the certificate is"));
    }
    let phase2 = reader.choice("phase2-auth");
    let inner = match phase2 {
        Some("mschapv2" | "eap-mschapv2") => vec![EapMethod::MsChapV2],
        Some("gtc") => vec![EapMethod::Gtc],
        Some("otp") => vec![EapMethod::Otp],
        Some("pap") => Vec::new(),
        Some("tls") => vec![EapMethod::Tls],
        _ if certificate => vec![EapMethod::Tls],
        _ => vec![EapMethod::MsChapV2, EapMethod::Gtc, EapMethod::Otp],
    };
    let ttls = match phase2 {
        Some("pap") => TtlsInner::Pap,
        Some("eap-mschapv2" | "gtc" | "otp" | "tls") => TtlsInner::Eap,
        _ if certificate => TtlsInner::Eap,
        _ => TtlsInner::MsChapV2,
    };
    let hlak = match reader.choice("hlak") {
        Some("halves") => HlakRule::Halves,
        Some("zero") => HlakRule::Zero,
        _ => HlakRule::Msk,
    };
    let anonymous_identity = reader.text("anonymous-identity").map(str::to_owned);
    let by_default = reader.text("eap").is_none() && !certificate && !names_trust(reader);
    let methods = read_methods(reader, circumstances);
    Eap { methods, inner_methods: inner, ttls, anonymous_identity, hlak, by_default }
}

fn read_methods(reader: &mut Reader<'_>, circumstances: &Circumstances) -> Vec<EapMethod> {
    let Some(text) = reader.text("eap") else { return default_methods(reader, circumstances) };
    let mut methods = Vec::new();
    for word in words(text) {
        let Some(method) = method_named(word) else {
            reader.notice(notice!("eap: {word} is no method that is known; it is ignored", word = quoted(word)));
            continue;
        };
        if method == EapMethod::Tls && !circumstances.certificate {
            reader.notice(notice!("eap: tls needs connection-type=tls; it is ignored"));
        } else if !methods.contains(&method) {
            methods.push(method);
        }
    }
    methods
}

/// The words of `eap`.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', ';']).filter(|word| !word.is_empty())
}

/// The method that a word of `eap` names.
pub(super) fn method_named(word: &str) -> Option<EapMethod> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "tls" => EapMethod::Tls,
        "peap" => EapMethod::Peap,
        "ttls" => EapMethod::Ttls,
        "mschapv2" | "mschap-v2" => EapMethod::MsChapV2,
        "gtc" => EapMethod::Gtc,
        "otp" => EapMethod::Otp,
        "md5" => EapMethod::Md5,
        _ => return None,
    })
}

/// Without `eap`. pppd looks only at the first method of a Nak, and has EAP-MSCHAPv2 alone. Methods inside of TLS need
/// somebody to trust: a profile that does not verify the gateway either has to name whom.
fn default_methods(reader: &Reader<'_>, circumstances: &Circumstances) -> Vec<EapMethod> {
    let Circumstances { certificate, md5, verified } = *circumstances;
    if certificate {
        return vec![EapMethod::Tls, EapMethod::Peap];
    }
    let tunnels = names_trust(reader) || verified;
    let methods = [
        (EapMethod::MsChapV2, true),
        (EapMethod::Peap, tunnels),
        (EapMethod::Ttls, tunnels),
        (EapMethod::Otp, true),
        (EapMethod::Gtc, true),
        (EapMethod::Md5, md5),
    ];
    methods.into_iter().filter_map(|(method, allowed)| allowed.then_some(method)).collect()
}

/// Whether the profile says whom to trust inside EAP.
fn names_trust(reader: &Reader<'_>) -> bool {
    ["tls-ca-cert", "tls-remotename", "tls-fingerprint"].iter().any(|name| reader.text(name).is_some())
}

pub(super) fn read_inner_tls(reader: &mut Reader<'_>) -> InnerTls {
    let remote_name = reader.text("tls-remotename").map(str::to_owned);
    let server_name = match (reader.choice("tls-verify-method"), remote_name) {
        (Some("none"), _) => ServerName::Any,
        (_, None) => ServerName::Unset,
        (Some("subject"), Some(name)) => ServerName::Is(VerifyMethod::Subject, name),
        (Some("suffix"), Some(name)) => ServerName::Is(VerifyMethod::Suffix, name),
        (_, Some(name)) => ServerName::Is(VerifyMethod::Name, name),
    };
    InnerTls {
        ca_cert: reader.path("tls-ca-cert").or_else(|| reader.path("ca-cert")),
        server_name,
        verify_key_usage: reader.yes("tls-verify-key-usage"),
        fingerprint: reader.text("tls-fingerprint").map(str::to_owned),
        crl_file: reader.path("crl-file"),
        max_version: reader.choice("tls-max-version").map(str::to_owned),
    }
}
