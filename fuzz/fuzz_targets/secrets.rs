#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| etcdsnap_fuzz::secrets::secrets(data));
