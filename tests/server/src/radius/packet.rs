//! RADIUS packets (RFC 2865 3, 5; RFC 3579 3; RFC 2548 2): requests written, replies verified and read.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use nm_sstp::crypto::binding::{Hlak, mac_eq};
use nm_sstp::wire::printable;
use zeroize::Zeroizing;

/// Types of attributes (RFC 2865 5, RFC 2869 5, RFC 3579 3).
pub mod attribute {
    /// User-Name.
    pub const USER_NAME: u8 = 1;
    /// User-Password, hidden.
    pub const USER_PASSWORD: u8 = 2;
    /// CHAP-Password: CHAP identifier and response.
    pub const CHAP_PASSWORD: u8 = 3;
    /// Service-Type.
    pub const SERVICE_TYPE: u8 = 6;
    /// Framed-Protocol.
    pub const FRAMED_PROTOCOL: u8 = 7;
    /// Framed-MTU: the longest EAP packet that the client takes (RFC 3579 2.4).
    pub const FRAMED_MTU: u8 = 12;
    /// Reply-Message.
    pub const REPLY_MESSAGE: u8 = 18;
    /// State, to be given back.
    pub const STATE: u8 = 24;
    /// Vendor-Specific.
    pub const VENDOR_SPECIFIC: u8 = 26;
    /// NAS-Identifier.
    pub const NAS_IDENTIFIER: u8 = 32;
    /// CHAP-Challenge.
    pub const CHAP_CHALLENGE: u8 = 60;
    /// NAS-Port-Type.
    pub const NAS_PORT_TYPE: u8 = 61;
    /// EAP-Message.
    pub const EAP_MESSAGE: u8 = 79;
    /// Message-Authenticator.
    pub const MESSAGE_AUTHENTICATOR: u8 = 80;
}

/// Types of Microsoft's attributes (RFC 2548 2).
pub mod microsoft {
    /// The vendor's number.
    pub const VENDOR: u32 = 311;
    /// MS-CHAP-Error.
    pub const CHAP_ERROR: u8 = 2;
    /// MS-CHAP-NT-Enc-PW.
    pub const CHAP_NT_ENC_PW: u8 = 6;
    /// MS-CHAP-Challenge.
    pub const CHAP_CHALLENGE: u8 = 11;
    /// MS-MPPE-Send-Key.
    pub const MPPE_SEND_KEY: u8 = 16;
    /// MS-MPPE-Recv-Key.
    pub const MPPE_RECV_KEY: u8 = 17;
    /// MS-CHAP2-Response.
    pub const CHAP2_RESPONSE: u8 = 25;
    /// MS-CHAP2-Success.
    pub const CHAP2_SUCCESS: u8 = 26;
    /// MS-CHAP2-CPW.
    pub const CHAP2_CPW: u8 = 27;
}

/// Octets before the attributes.
const HEADER: usize = 20;
/// RFC 2865 3.
const MAX_LEN: usize = 4096;
/// Octets of a value.
const MAX_VALUE: usize = 253;
/// The code of an Access-Request.
const ACCESS_REQUEST: u8 = 1;

/// An Access-Request. It says already that the user wants PPP, and ends with a Message-Authenticator.
pub struct Request {
    octets: Zeroizing<Vec<u8>>,
    secret: Zeroizing<Vec<u8>>,
}

impl Request {
    pub(super) fn new(identifier: u8, authenticator: [u8; 16], secret: Zeroizing<Vec<u8>>) -> Self {
        let mut octets = Zeroizing::new(Vec::with_capacity(MAX_LEN));
        octets.extend([ACCESS_REQUEST, identifier, 0, 0]);
        octets.extend(authenticator);
        let mut request = Request { octets, secret };
        // Framed, PPP, Virtual
        request.add_number(attribute::SERVICE_TYPE, 2);
        request.add_number(attribute::FRAMED_PROTOCOL, 1);
        request.add_number(attribute::NAS_PORT_TYPE, 5);
        request
    }

    pub(super) fn identifier(&self) -> u8 {
        self.octets[1]
    }

    pub(super) fn authenticator(&self) -> [u8; 16] {
        std::array::from_fn(|i| self.octets[4 + i])
    }

    /// Adds an attribute; a value of more than 253 octets is cut off.
    pub fn add(&mut self, kind: u8, value: &[u8]) {
        let value = &value[..value.len().min(MAX_VALUE)];
        self.octets.extend([kind, value.len() as u8 + 2]);
        self.octets.extend_from_slice(value);
    }

    /// Adds an attribute that is a number.
    pub fn add_number(&mut self, kind: u8, value: u32) {
        self.add(kind, &value.to_be_bytes());
    }

    /// Adds a value of any length in as many attributes as it takes, also where it is empty (RFC 3579 3.1).
    pub fn add_split(&mut self, kind: u8, value: &[u8]) {
        if value.is_empty() {
            self.add(kind, value);
        }
        value.chunks(MAX_VALUE).for_each(|chunk| self.add(kind, chunk));
    }

    /// Adds one of Microsoft's attributes (RFC 2548 2); a value of more than 247 octets is cut off.
    pub fn add_microsoft(&mut self, kind: u8, value: &[u8]) {
        let value = &value[..value.len().min(MAX_VALUE - 6)];
        let value = [&microsoft::VENDOR.to_be_bytes()[..], &[kind, value.len() as u8 + 2], value].concat();
        self.add(attribute::VENDOR_SPECIFIC, &value);
    }

    /// Adds User-Password (RFC 2865 5.2); a password of more than 128 octets is cut off.
    pub fn add_password(&mut self, password: &[u8]) {
        let hidden = hide(&self.secret, &self.authenticator(), &password[..password.len().min(128)]);
        self.add(attribute::USER_PASSWORD, &hidden);
    }

    /// The packet with its Message-Authenticator (RFC 3579 3.2); `None`: it is too long.
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        self.add(attribute::MESSAGE_AUTHENTICATOR, &[0; 16]);
        let length = self.octets.len();
        if length > MAX_LEN {
            return None;
        }
        self.octets[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        let mac = hmac_md5(&self.secret, &self.octets);
        self.octets[length - 16..].copy_from_slice(&mac);
        Some(std::mem::take(&mut *self.octets))
    }
}

/// What a reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Access-Accept.
    Accept,
    /// Access-Reject.
    Reject,
    /// Access-Challenge.
    Challenge,
}

/// A reply that was verified.
pub struct Reply {
    /// What it says.
    pub verdict: Verdict,
    attributes: Vec<(u8, Zeroizing<Vec<u8>>)>,
    request_authenticator: [u8; 16],
    secret: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("verdict", &self.verdict).finish_non_exhaustive()
    }
}

/// Why a datagram was discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discarded {
    /// No request is open, or the reply is to another one.
    NotAwaited,
    /// The code is not that of a reply to an Access-Request.
    Code(u8),
    /// Lengths that cannot be.
    Malformed,
    /// The Response Authenticator is wrong: not made with the shared secret.
    ResponseAuthenticator,
    /// The Message-Authenticator is wrong, or missing beside an EAP-Message (RFC 3579 3.2).
    MessageAuthenticator,
}

impl fmt::Display for Discarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Discarded::NotAwaited => f.write_str("RADIUS: a reply that is not awaited"),
            Discarded::Code(code) => write!(f, "RADIUS: code {code} is no reply to an Access-Request"),
            Discarded::Malformed => f.write_str("RADIUS: lengths that cannot be"),
            Discarded::ResponseAuthenticator => {
                f.write_str("RADIUS: the Response Authenticator is wrong; do both sides have the same secret?")
            }
            Discarded::MessageAuthenticator => f.write_str("RADIUS: the Message-Authenticator is wrong or missing"),
        }
    }
}

impl std::error::Error for Discarded {}

impl Reply {
    /// Reads and verifies the reply to a request (RFC 2865 3, RFC 3579 3.2).
    pub(super) fn parse(
        datagram: &[u8],
        identifier: u8,
        request_authenticator: &[u8; 16],
        secret: &Zeroizing<Vec<u8>>,
    ) -> Result<Self, Discarded> {
        let header: &[u8; HEADER] = datagram.first_chunk().ok_or(Discarded::Malformed)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        // RFC 2865 3: octets behind the length are padding
        let octets = datagram.get(..length).ok_or(Discarded::Malformed)?;
        if !(HEADER..=MAX_LEN).contains(&length) {
            return Err(Discarded::Malformed);
        }
        let verdict = match header[0] {
            2 => Verdict::Accept,
            3 => Verdict::Reject,
            11 => Verdict::Challenge,
            code => return Err(Discarded::Code(code)),
        };
        if header[1] != identifier {
            return Err(Discarded::NotAwaited);
        }
        let authenticator = md5(&[&octets[..4], request_authenticator, &octets[HEADER..], secret]);
        if !mac_eq(&authenticator, &std::array::from_fn(|i| header[4 + i])) {
            return Err(Discarded::ResponseAuthenticator);
        }
        let attributes = attributes(octets)?;
        check_message_authenticator(octets, &attributes, request_authenticator, secret)?;
        let own = |&(kind, at, end): &(u8, usize, usize)| (kind, Zeroizing::new(octets[at..end].to_vec()));
        Ok(Reply {
            verdict,
            attributes: attributes.iter().map(own).collect(),
            request_authenticator: *request_authenticator,
            secret: secret.clone(),
        })
    }

    /// The value of the first attribute of a type.
    pub fn get(&self, kind: u8) -> Option<&[u8]> {
        self.attributes.iter().find(|(other, _)| *other == kind).map(|(_, value)| value.as_slice())
    }

    /// The values of all attributes of a type, in a row; `None`: there is none.
    pub fn joined(&self, kind: u8) -> Option<Vec<u8>> {
        let mut values = self.attributes.iter().filter(|(other, _)| *other == kind).peekable();
        values.peek()?;
        Some(values.flat_map(|(_, value)| value.iter().copied()).collect())
    }

    /// The value of the first of Microsoft's attributes of a type.
    pub fn microsoft(&self, kind: u8) -> Option<&[u8]> {
        let specific = self.attributes.iter().filter(|(other, _)| *other == attribute::VENDOR_SPECIFIC);
        specific.filter_map(|(_, value)| value.strip_prefix(&microsoft::VENDOR.to_be_bytes()[..])).find_map(|rest| {
            // some servers put several attributes into one
            let mut rest = rest;
            while let [other, length, ..] = *rest {
                let value = rest.get(2..usize::from(length))?;
                if other == kind {
                    return Some(value);
                }
                rest = &rest[usize::from(length)..];
            }
            None
        })
    }

    /// The text of Reply-Message, printable characters only.
    pub fn message(&self) -> Option<String> {
        self.joined(attribute::REPLY_MESSAGE).map(|text| printable(&text))
    }

    /// MS-MPPE-Recv-Key and MS-MPPE-Send-Key, in clear (RFC 2548 2.4.2, 2.4.3); a key that did not come, or that cannot
    /// be decrypted, is empty.
    pub fn keys(&self) -> [Zeroizing<Vec<u8>>; 2] {
        [microsoft::MPPE_RECV_KEY, microsoft::MPPE_SEND_KEY].map(|kind| {
            let key = self.microsoft(kind).and_then(|value| reveal(&self.secret, &self.request_authenticator, value));
            key.unwrap_or_default()
        })
    }

    /// ServerHLAKKey (MS-SSTP 3.3.1): of the key that the server receives with and the key that it sends with the first
    /// 32 octets, zeros where there are none; and how long the two keys are.
    pub fn hlak(&self) -> (Hlak, [usize; 2]) {
        let [receive, send] = self.keys();
        let lengths = [receive.len(), send.len()];
        (Hlak::from_key_material(&Zeroizing::new([receive.as_slice(), &send].concat())), lengths)
    }
}

/// Type, start and end of the value of every attribute of a packet.
fn attributes(octets: &[u8]) -> Result<Vec<(u8, usize, usize)>, Discarded> {
    let (mut found, mut at) = (Vec::new(), HEADER);
    while at < octets.len() {
        let [kind, length, ..] = octets[at..] else { return Err(Discarded::Malformed) };
        let end = at + usize::from(length);
        if length < 2 || end > octets.len() {
            return Err(Discarded::Malformed);
        }
        found.push((kind, at + 2, end));
        at = end;
    }
    Ok(found)
}

fn check_message_authenticator(
    octets: &[u8],
    attributes: &[(u8, usize, usize)],
    request_authenticator: &[u8; 16],
    secret: &[u8],
) -> Result<(), Discarded> {
    let place = |kind| attributes.iter().find(|(other, ..)| *other == kind).map(|(_, at, end)| *at..*end);
    let Some(range) = place(attribute::MESSAGE_AUTHENTICATOR) else {
        let needed = place(attribute::EAP_MESSAGE).is_some();
        return if needed { Err(Discarded::MessageAuthenticator) } else { Ok(()) };
    };
    let received: [u8; 16] = octets[range.clone()].try_into().map_err(|_| Discarded::MessageAuthenticator)?;
    let mut covered = octets.to_vec();
    covered[4..HEADER].copy_from_slice(request_authenticator);
    covered[range].fill(0);
    if mac_eq(&received, &hmac_md5(secret, &covered)) { Ok(()) } else { Err(Discarded::MessageAuthenticator) }
}

/// RFC 2865 5.2: octets that only who knows the secret can read, in blocks of 16.
fn hide(secret: &[u8], authenticator: &[u8; 16], password: &[u8]) -> Vec<u8> {
    let mut hidden = Vec::new();
    let mut before = *authenticator;
    // an empty password has a block, too
    for chunk in password.chunks(16).chain(password.is_empty().then_some(&[][..])) {
        let pad = md5(&[secret, &before]);
        before = std::array::from_fn(|i| pad[i] ^ chunk.get(i).unwrap_or(&0));
        hidden.extend(before);
    }
    hidden
}

/// RFC 2548 2.4.2: the key in the value of MS-MPPE-Send-Key or MS-MPPE-Recv-Key, which begins with a salt of two octets;
/// `None`: lengths that cannot be.
fn reveal(secret: &[u8], authenticator: &[u8; 16], value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (salt, hidden) = value.split_at_checked(2)?;
    let (blocks, []) = hidden.as_chunks::<16>() else { return None };
    let mut clear = Zeroizing::new(Vec::with_capacity(hidden.len()));
    let mut pad = md5(&[secret, authenticator, salt]);
    for block in blocks {
        clear.extend(block.iter().zip(pad).map(|(hidden, pad)| hidden ^ pad));
        pad = md5(&[secret, block]);
    }
    let length = usize::from(*clear.first()?);
    clear.get(1..=length).map(|key| Zeroizing::new(key.to_vec()))
}

fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Md5::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// RFC 2104. A key of any length is good.
fn hmac_md5(key: &[u8], octets: &[u8]) -> [u8; 16] {
    let mut block = Zeroizing::new([0; 64]);
    if key.len() > block.len() {
        block[..16].copy_from_slice(&md5(&[key]));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut mac = Hmac::<Md5>::new((&*block).into());
    mac.update(octets);
    mac.finalize().into_bytes().into()
}

/// The reply of a RADIUS server to a request, with a Message-Authenticator behind these attributes.
#[cfg(test)]
pub(crate) fn reply_to(request: &[u8], code: u8, attributes: &[u8], secret: &[u8]) -> Vec<u8> {
    let length = ((HEADER + attributes.len() + 18) as u16).to_be_bytes();
    let mut octets = [&[code, request[1]], &length[..], &request[4..HEADER], attributes, &[80, 18], &[0; 16]].concat();
    let at = octets.len() - 16;
    let mac = hmac_md5(secret, &octets);
    octets[at..].copy_from_slice(&mac);
    let authenticator = md5(&[&octets, secret]);
    octets[4..HEADER].copy_from_slice(&authenticator);
    octets
}

#[cfg(test)]
mod tests;
