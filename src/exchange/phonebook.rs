//! Windows' phone books (`rasphone.pbk`).
//!
//! A text of `[entry]` and `KEY=VALUE`; within an entry, lines `MEDIA=` and `DEVICE=` begin sections of their own. Many of
//! the keys are described in [MS-RRASM] 2.2.2; others are known by what Windows writes. Windows reads such a file in octets
//! (ASCII in the specification, UTF-8 in entries with `Encoding=1`) and takes none in UTF-16; here all of them are read.
//!
//! [MS-RRASM]: https://learn.microsoft.com/openspecs/windows_protocols/ms-rrasm

mod entry;
mod routes;
mod write;

pub(super) use write::export;

use entry::Entry;

use super::Found;

/// Values of `VpnStrategy` ([MS-RRASM] 2.2.2.2.11, and the `VS_` constants of Windows' ras.h).
mod strategy {
    /// SSTP and nothing else.
    pub const SSTP_ONLY: u32 = 5;
    /// SSTP first, then others.
    pub const SSTP_FIRST: u32 = 6;
    /// What Windows finds to work, among others SSTP.
    pub const AUTOMATIC: u32 = 0;
    /// Others first, then SSTP; and a list of its own.
    pub const WITH_SSTP: [u32; 4] = [12, 13, 14, 15];
}

/// Bits of `AuthRestrictions` ([MS-RRASM] 2.2.2.2.58, whose bit 1 is the least).
mod method {
    pub const PAP: u32 = 0x8;
    pub const SPAP: u32 = 0x10;
    pub const CHAP_MD5: u32 = 0x20;
    pub const MS_CHAP: u32 = 0x40;
    pub const EAP: u32 = 0x80;
    pub const MS_CHAP_V2: u32 = 0x200;
}

/// Bits of `ExcludedProtocols` (`RASNP_` in Windows' ras.h).
mod excluded {
    pub const IPV4: u32 = 0x4;
    pub const IPV6: u32 = 0x8;
}

/// Types of EAP as `CustomAuthKey` has them (IANA's numbers), and what they are called here.
const EAP_TYPES: [(u32, &str); 6] = [(4, "md5"), (6, "gtc"), (13, "tls"), (21, "ttls"), (25, "peap"), (26, "mschapv2")];

/// Reads all entries.
pub(super) fn import(text: &str, found: &mut Found) {
    for entry in Entry::all(text) {
        if !found.has_room() {
            return;
        }
        match entry.connection() {
            Ok(connection) => found.take(connection),
            Err(sentence) => found.skip(entry.name, sentence),
        }
    }
}
