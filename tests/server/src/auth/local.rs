//! Proofs checked against a password that the server knows.

use nm_sstp::crypto::binding::{Hlak, mac_eq};
use nm_sstp::crypto::chap_md5;
use nm_sstp::crypto::mppe::MasterKey;
use nm_sstp::crypto::mschapv2::{PasswordHash, authenticator_response, nt_response, without_domain};
use nm_sstp::wire::auth::MsChapV2Response;

use super::hex;

/// RFC 1994 4.1.
pub(super) fn check_chap_md5(identifier: u8, challenge: &[u8], response: &[u8; 16], password: &str) -> bool {
    mac_eq(response, &chap_md5(identifier, password.as_bytes(), challenge))
}

/// RFC 2759 8: the key, and the beginning of the message of the Success packet, which proves that the server knows the
/// password; `None`: the client does not.
pub(super) fn check_mschapv2(
    challenge: &[u8; 16],
    response: &MsChapV2Response,
    name: &[u8],
    password: &str,
) -> Option<(Hlak, String)> {
    let user_name = without_domain(std::str::from_utf8(name).ok()?).as_bytes();
    let hash = PasswordHash::new(password);
    let MsChapV2Response { peer_challenge, nt_response: received } = response;
    if !mac_eq(received, &nt_response(challenge, peer_challenge, user_name, &hash)) {
        return None;
    }
    let hash_hash = hash.hash();
    let proof = authenticator_response(&hash_hash, received, peer_challenge, challenge, user_name);
    Some((Hlak::from_mschapv2_server(&MasterKey::new(&hash_hash, received)), format!("S={}", hex(&proof))))
}
