//! The alerts of TLS (RFC 8446 6), and what they say about us.

/// What an alert of the server means.
pub(super) struct Meaning {
    /// Its name in RFC 8446 B.2.
    pub(super) name: &'static str,
    /// What it says about our certificate: a sentence without its begin and end; `None`: it is not about that.
    pub(super) about_certificate: Option<&'static str>,
    /// It says that, but also much else.
    pub(super) only_after_certificate: bool,
}

/// The meaning of an alert by its number.
pub(super) fn meaning(number: u8) -> Meaning {
    let plain = |name| Meaning { name, about_certificate: None, only_after_certificate: false };
    let about = |name, text| Meaning { name, about_certificate: Some(text), only_after_certificate: false };
    let perhaps = |name, text| Meaning { name, about_certificate: Some(text), only_after_certificate: true };
    match number {
        10 => plain("unexpected_message"),
        20 => plain("bad_record_mac"),
        22 => plain("record_overflow"),
        40 => perhaps("handshake_failure", "it does not accept the user's certificate, or wants one and got none"),
        41 => about("no_certificate", "it wants a certificate of the user"),
        42 => about("bad_certificate", "it takes the user's certificate for damaged or wrong"),
        43 => about("unsupported_certificate", "the user's certificate is of a kind that it does not accept"),
        44 => about("certificate_revoked", "the user's certificate was revoked"),
        45 => about("certificate_expired", "the user's certificate has expired, by its clock"),
        46 => about("certificate_unknown", "it does not accept the user's certificate"),
        47 => plain("illegal_parameter"),
        48 => about(
            "unknown_ca",
            "it does not know the authority of the user's certificate; the certificates between the two may have to be in \
             tls-user-cert",
        ),
        49 => about("access_denied", "the user of this certificate has no access"),
        50 => plain("decode_error"),
        51 => perhaps("decrypt_error", "it could not verify the user's signature"),
        70 => plain("protocol_version"),
        71 => plain("insufficient_security"),
        80 => plain("internal_error"),
        86 => plain("inappropriate_fallback"),
        90 => plain("user_canceled"),
        100 => plain("no_renegotiation"),
        109 => plain("missing_extension"),
        110 => plain("unsupported_extension"),
        112 => plain("unrecognized_name"),
        113 => plain("bad_certificate_status_response"),
        115 => plain("unknown_psk_identity"),
        116 => about("certificate_required", "it wants a certificate of the user"),
        120 => plain("no_application_protocol"),
        _ => plain("an unknown alert"),
    }
}
