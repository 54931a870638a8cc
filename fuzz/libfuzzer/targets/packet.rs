#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    bitneuron_fuzz::compress::packet(bytes);
});
