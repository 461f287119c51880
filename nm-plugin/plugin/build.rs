//! How the library is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libnm-vpn-plugin-sstp.so");
    // GLib never forgets a type, so the code of one must not go away.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
