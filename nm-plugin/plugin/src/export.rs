//! Connections into files.

use std::path::Path;

use nm_sstp::exchange::{self, Confidential, Format};
use nm_sstp::profile::SERVICE_TYPE;
use nm_sstp::tr;
use nm_sstp_libnm::{Connection, Problem, glib};
use zeroize::Zeroizing;

use crate::files;

/// Writes a connection to a file, without its secrets, in the format that the file's ending says; NetworkManager's own
/// where it says none. What the format cannot say is returned, in sentences.
///
/// # Errors
///
/// The connection is not one of SSTP, the format is not written, or the file cannot be.
pub fn write(path: &Path, connection: &Connection) -> Result<Vec<String>, glib::Error> {
    let vpn = connection.vpn().filter(|vpn| vpn.service().as_deref() == Some(SERVICE_TYPE));
    let vpn = vpn.ok_or_else(|| Problem::InvalidSetting.says(tr!("This is no connection of SSTP.")))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let keyfile = connection.to_keyfile()?;
    let (octets, left) = match Format::of_file_name(&name).unwrap_or(Format::Keyfile) {
        Format::Keyfile => (Zeroizing::new(keyfile.as_bytes().to_vec()), Vec::new()),
        format => {
            let said = |error: exchange::Error| Problem::Failed.says(error.to_string());
            let mut imported = exchange::import(keyfile.as_bytes(), "nmconnection").map_err(said)?;
            let mut plain = imported.connections.remove(0);
            for (name, value) in vpn.secrets() {
                plain.secrets.insert(&name, value);
            }
            let exported = exchange::export(&plain, format, Confidential::LeaveOut).map_err(said)?;
            (exported.octets, exported.left.into_iter().map(|left| left.sentence).collect())
        }
    };
    files::store(path, &octets).map_err(|error| {
        let file = path.display();
        Problem::Failed.says(tr!("The file {file} cannot be written: {error}.", file = file, error = error))
    })?;
    Ok(left)
}

/// What to call a file with the connection of this name in it.
pub fn suggested_file_name(id: &str) -> String {
    format!("{}.{}", id.replace(['/', '\0'], "_"), Format::Keyfile.ending())
}
