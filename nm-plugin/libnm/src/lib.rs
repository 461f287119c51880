//! libnm, as far as a VPN editor plugin and its editors need it: connections, and the two interfaces that such a plugin
//! implements.
//!
//! | module | what |
//! |---|---|
//! | [`connection`], [`vpn`] | a connection of NetworkManager, and its setting `vpn` |
//! | [`plugin`] | the interface `NMVpnEditorPlugin`, to be implemented: [`VpnEditorPluginImpl`] |
//! | [`editor`] | the interface `NMVpnEditor`, to be implemented: [`VpnEditorImpl`] |
//! | [`factory`] | the body of the functions that libnm and the plugin look up by name |
//! | [`imported`] | what an import found, from the plugin to the editor |
//! | [`problem`] | errors as libnm's callers expect them |
//!
//! libnm calls an implementation by pointers to C functions. All of these are here, and each catches a panic: it becomes
//! an error of that one call, not the end of the program that loaded the plugin. So a plugin has to be built with
//! unwinding panics.
//!
//! The objects are those of the thread with the main loop, as in GTK; none of them is `Send`.

#[cfg(panic = "abort")]
compile_error!("a panic must not end the program that loads this: build it with --profile plugin");

pub mod connection;
pub mod editor;
pub mod factory;
pub mod ffi;
mod guard;
pub mod imported;
pub mod plugin;
pub mod problem;
pub mod vpn;

pub use connection::Connection;
pub use editor::{VpnEditor, VpnEditorExt, VpnEditorImpl};
pub use glib;
pub use plugin::{Capabilities, VpnEditorPlugin, VpnEditorPluginImpl};
pub use problem::Problem;
pub use vpn::VpnSetting;
