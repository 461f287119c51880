//! Finds libnm.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // 1.30 is the first with nm_keyfile_read() and nm_keyfile_write().
    if let Err(error) = pkg_config::Config::new().atleast_version("1.30").probe("libnm") {
        println!("cargo:warning=libnm is not there (Debian: libnm-dev, Fedora: NetworkManager-libnm-devel)");
        panic!("{error}");
    }
}
