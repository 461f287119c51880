//! Files of other programs, of every format and none.

use nm_sstp::exchange::{Confidential, Connection, Format, MAX_CONNECTIONS, export, import};
use nm_sstp::profile::Gateway;

/// What is read can be written in every format, and comes back from it; a second round trip changes nothing any more. The
/// first octet says what the file is called.
pub fn run(data: &[u8]) {
    let Some((first, octets)) = data.split_first() else { return };
    let names = ["", "work", "work.toml", "work.nmconnection", "rasphone.pbk", "router.rsc", "work.sh", "/a/b."];
    let Ok(imported) = import(octets, names[usize::from(*first) % names.len()]) else { return };
    assert!((1..=MAX_CONNECTIONS).contains(&imported.connections.len()));
    // each of them is like the others
    for connection in imported.connections.iter().take(4) {
        let has_gateway = connection.settings.get("gateway").is_some_and(|text| Gateway::parse(text).is_ok());
        for format in Format::WRITTEN {
            if has_gateway {
                let once = through(connection, format);
                assert_eq!(through(&once, format), once, "{}", format.name());
            } else {
                drop(export(connection, format, Confidential::LeaveOut));
            }
        }
    }
}

/// The connection, written in a format and read from it.
fn through(connection: &Connection, format: Format) -> Connection {
    let written = export(connection, format, Confidential::Include).unwrap();
    let imported = import(&written.octets, "x").unwrap();
    assert_eq!((imported.format, imported.connections.len()), (format, 1));
    let mut connection = imported.connections.into_iter().next().unwrap();
    connection.left.clear();
    connection
}
