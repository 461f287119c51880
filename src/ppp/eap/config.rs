//! What EAP may do: which methods, what of them, and which key comes of it.

use std::fmt;
use std::sync::Arc;

use super::super::inner_tls::TlsConnector;
use crate::wire::eap::eap_type;

/// The methods of EAP that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EapMethod {
    /// EAP-TLS (RFC 5216): by a certificate.
    Tls,
    /// PEAP version 0 ([MS-PEAP]): another method inside of TLS.
    Peap,
    /// EAP-TTLS (RFC 5281): PAP, MS-CHAPv2 or another method inside of TLS.
    Ttls,
    /// EAP-MSCHAPv2 ([MS-CHAP] 2.2).
    MsChapV2,
    /// Generic Token Card (RFC 3748 5.6): the server's text, and a person's answer.
    Gtc,
    /// One-Time Password (RFC 3748 5.5): as Generic Token Card.
    Otp,
    /// MD5-Challenge (RFC 3748 5.4).
    Md5,
}

impl EapMethod {
    /// Every method.
    pub const ALL: [Self; 7] = [Self::Tls, Self::Peap, Self::Ttls, Self::MsChapV2, Self::Gtc, Self::Otp, Self::Md5];

    /// Its type (RFC 3748 5).
    pub fn kind(self) -> u8 {
        match self {
            Self::Tls => eap_type::TLS,
            Self::Peap => eap_type::PEAP,
            Self::Ttls => eap_type::TTLS,
            Self::MsChapV2 => eap_type::MSCHAPV2,
            Self::Gtc => eap_type::GTC,
            Self::Otp => eap_type::OTP,
            Self::Md5 => eap_type::MD5_CHALLENGE,
        }
    }

    /// The usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls => "EAP-TLS",
            Self::Peap => "PEAP",
            Self::Ttls => "EAP-TTLS",
            Self::MsChapV2 => "EAP-MSCHAPv2",
            Self::Gtc => "EAP-GTC",
            Self::Otp => "EAP-OTP",
            Self::Md5 => "EAP-MD5",
        }
    }

    /// A name for a type, whether we have the method or not.
    pub fn describe(kind: u8) -> String {
        match Self::ALL.into_iter().find(|method| method.kind() == kind) {
            Some(method) => method.name().to_owned(),
            None => format!("EAP type {kind}"),
        }
    }
}

/// What EAP-TTLS speaks inside of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TtlsInner {
    /// The password itself (RFC 5281 11.2.5).
    Pap,
    /// MS-CHAPv2 (RFC 5281 11.2.4).
    MsChapV2,
    /// EAP, with [`EapConfig::inner_methods`] (RFC 5281 11.2.1).
    Eap,
}

/// Which octets of a method's key crypto binding takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum HlakRule {
    /// The first 32 of the MSK, as MS-SSTP 3.2.5.2.2 and RFC 5216 2.3 have it.
    Msk,
    /// The first 16 of each half of the MSK, as pppd up to 2.5.0 after EAP-TLS.
    Halves,
    /// Zeros, as servers that do not look at the keys of EAP.
    Zero,
}

/// What EAP may do.
#[derive(Clone)]
pub struct EapConfig {
    /// Methods that may be used, in the order in which a Nak lists them (RFC 3748 5.3.1).
    pub methods: Vec<EapMethod>,
    /// Methods that may be used inside of PEAP and EAP-TTLS.
    pub inner_methods: Vec<EapMethod>,
    /// What EAP-TTLS speaks inside.
    pub ttls: TtlsInner,
    /// Makes the TLS connections; without it, no method that needs one is to be listed.
    pub tls: Option<Arc<dyn TlsConnector>>,
    /// Which key the crypto binding gets.
    pub hlak: HlakRule,
}

impl Default for EapConfig {
    /// EAP-MSCHAPv2 alone.
    fn default() -> Self {
        EapConfig {
            methods: vec![EapMethod::MsChapV2],
            inner_methods: vec![EapMethod::MsChapV2],
            ttls: TtlsInner::MsChapV2,
            tls: None,
            hlak: HlakRule::Msk,
        }
    }
}

impl fmt::Debug for EapConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EapConfig { methods, inner_methods, ttls, tls, hlak } = self;
        f.debug_struct("EapConfig")
            .field("methods", methods)
            .field("inner_methods", inner_methods)
            .field("ttls", ttls)
            .field("tls", &tls.is_some())
            .field("hlak", hlak)
            .finish()
    }
}
