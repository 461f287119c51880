//! Peers files of pppd with sstpc in their `pty`, and options of pppd wherever they stand (pppd(8)).

mod options;
mod syntax;
mod write;

pub(super) use options::Options;
pub(super) use write::export;

use super::{Connection, Found};
use crate::tr;

/// Reads the connection of a file.
pub(super) fn import(text: &str, found: &mut Found) {
    let mut connection = Connection::default();
    let mut options = Options::default();
    options.read(&syntax::words(text), &mut connection);
    if !options.calls_sstpc() {
        return found.skip("", tr!("The file has options of pppd, and none of them calls sstpc."));
    }
    options.finish(&mut connection);
    found.take(connection);
}
