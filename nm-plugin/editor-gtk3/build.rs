//! Linked as a plugin: by its name, and never unloaded, since types that GLib knows cannot be taken back.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libnm-vpn-plugin-sstp-editor.so");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
