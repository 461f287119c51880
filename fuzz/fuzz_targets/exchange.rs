#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nm_sstp_fuzz::exchange::run(data));
