//! The entropy coder: near the entropy, one encoding, and nothing hostile gets through.

use bitneuron_compress::{CompressError, entropy};
use bitneuron_core::Seed;
use constriction::stream::{
    Decode, model::DefaultContiguousCategoricalEntropyModel as Model, stack::DefaultAnsCoder as Oracle,
};
use proptest::{prelude::*, test_runner::RngSeed};
use rand::Rng;

/// A uniform number of (0, 1).
fn unit(rng: &mut impl Rng) -> f64 {
    ((rng.next_u64() >> 12) as f64 + 0.5) * 2f64.powi(-52)
}

/// `count` values of a Laplace distribution in steps, shifted to 128.
fn laplace(count: usize, scale: f64, seed: u64) -> Vec<u8> {
    let mut rng = Seed::from_number(seed).rng();
    let mut draw = || {
        let u = unit(&mut rng) - 0.5;
        -scale * u.signum() * (1.0 - 2.0 * u.abs()).ln()
    };
    (0..count).map(|_| (draw().round() + 128.0).clamp(0.0, 255.0) as u8).collect()
}

/// The same of a normal distribution, by Box and Muller.
fn normal(count: usize, scale: f64, seed: u64) -> Vec<u8> {
    let mut rng = Seed::from_number(seed).rng();
    let mut draw =
        || scale * (-2.0 * unit(&mut rng).ln()).sqrt() * (std::f64::consts::TAU * unit(&mut rng)).cos();
    (0..count).map(|_| (draw().round() + 128.0).clamp(0.0, 255.0) as u8).collect()
}

#[test]
fn within_two_hundredths_of_a_bit() {
    const COUNT: usize = 1_000_000;
    for scale in [0.2, 0.5, 1.0, 2.0, 4.0, 10.0, 30.0] {
        for symbols in [laplace(COUNT, scale, 1), normal(COUNT, scale, 2)] {
            let bytes = entropy::encode(&symbols);
            let rate = 8.0 * bytes.len() as f64 / COUNT as f64;
            let bound = entropy::entropy(&symbols);
            assert!(rate >= bound - 1e-3, "{rate} is below the entropy {bound}");
            assert!(rate - bound <= 0.02, "{rate} for an entropy of {bound}");
            assert!(entropy::decode(&bytes, COUNT).expect("own bytes") == symbols);
        }
    }
}

#[test]
fn as_short_as_another_coder_makes_it() {
    const COUNT: usize = 200_000;
    for symbols in [laplace(COUNT, 0.7, 3), laplace(COUNT, 8.0, 3), normal(COUNT, 3.0, 4)] {
        let mut shares = [0.0; 256];
        symbols.iter().for_each(|symbol| shares[usize::from(*symbol)] += 1.0 / COUNT as f64);
        // The same model, its frequencies with 24 bits.
        let model = Model::from_floating_point_probabilities_fast(&shares, None).expect("a distribution");
        let mut oracle = Oracle::new();
        oracle
            .encode_iid_symbols_reverse(symbols.iter().map(|s| usize::from(*s)), &model)
            .expect("in the model");
        let theirs = oracle.num_bits() as f64 / COUNT as f64;
        let decoded = oracle.decode_iid_symbols(COUNT, &model).map(|symbol| symbol.expect("no end") as u8);
        assert!(decoded.eq(symbols.iter().copied()), "the oracle works");
        let ours = 8.0 * entropy::encode(&symbols).len() as f64 / COUNT as f64;
        assert!((ours - theirs).abs() < 0.02, "{ours} bits where another coder takes {theirs}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn symbols_come_back(symbols in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        prop::collection::vec(0u8..3, 0..300),
        prop::collection::vec(prop_oneof![9 => Just(7u8), 1 => any::<u8>()], 4000..4200),
    ], bit in any::<prop::sample::Index>()) {
        let bytes = entropy::encode(&symbols);
        prop_assert_eq!(entropy::decode(&bytes, symbols.len()).expect("own bytes"), symbols.clone());
        // A single symbol costs nothing, so any number of it has the same bytes.
        if symbols.iter().any(|symbol| *symbol != symbols[0]) {
            prop_assert!(entropy::decode(&bytes, symbols.len() + 1).is_err());
        }
        prop_assert!(entropy::decode(&[&bytes[..], &[0; 4]].concat(), symbols.len()).is_err());
        if !bytes.is_empty() {
            prop_assert!(entropy::decode(&bytes[..bytes.len() - 1], symbols.len()).is_err());
            // With another bit somewhere the bytes are refused, or stand for other symbols: one encoding.
            let mut other = bytes.clone();
            let at = bit.index(8 * bytes.len());
            other[at / 8] ^= 1 << (at % 8);
            let decoded = entropy::decode(&other, symbols.len());
            prop_assert!(decoded.is_err() || decoded.is_ok_and(|decoded| decoded != symbols || table(&other) != table(&bytes)));
        }
    }
}

/// The table in front of the states.
fn table(bytes: &[u8]) -> Vec<u8> {
    let mut entries = usize::from(bytes[1] - bytes[0]) + 1;
    let end = bytes[2..].iter().position(|byte| {
        entries -= usize::from(*byte < 0x80);
        entries == 0
    });
    bytes[..3 + end.expect("a whole table")].to_vec()
}

#[test]
fn long_and_short_strings_of_every_length() {
    let symbols = laplace(4300, 3.0, 5);
    for count in (0..70).chain(4080..4130) {
        let bytes = entropy::encode(&symbols[..count]);
        assert_eq!(entropy::decode(&bytes, count).expect("own bytes"), &symbols[..count], "{count}");
    }
}

#[test]
fn one_symbol_costs_its_table_and_states() {
    assert!(entropy::encode(&[]).is_empty());
    assert_eq!(entropy::encode(&[9]).len(), 2 + 2 + 8);
    assert_eq!(entropy::encode(&vec![9; 100_000]).len(), 2 + 2 + 64);
    assert!(entropy::decode(&[0], 0).is_err());
}

#[test]
fn every_field_is_checked() {
    let good = entropy::encode(&[1, 2, 1, 2]);
    assert_eq!(good[..6], [1, 2, 0x80, 0x20, 0x80, 0x20]);
    assert!(entropy::decode(&good, 4).is_ok());
    let wrong: [(&str, usize, u8); 6] = [
        ("the first symbol behind the last", 0, 3),
        ("frequencies that sum to less", 3, 0x1f),
        ("frequencies that sum to more", 3, 0x21),
        ("a frequency longer than it needs to be", 3, 0x80),
        ("a state that is too low", 9, 0x3f),
        ("a state that is too high", 13, 0x80),
    ];
    for (what, at, byte) in wrong {
        let mut bytes = good.clone();
        bytes[at] = byte;
        assert!(matches!(entropy::decode(&bytes, 4), Err(CompressError::Malformed(_))), "{what}");
    }
    // More words than symbols could have given.
    let longer = [&good[..], &[0; 12]].concat();
    assert!(matches!(entropy::decode(&longer, 4), Err(CompressError::Malformed(_))));
}

#[test]
fn noise_is_refused() {
    let mut accepted = 0;
    for number in 0..20_000 {
        let mut rng = Seed::from_number(number).rng();
        let mut bytes = vec![0; (rng.next_u32() % 60) as usize];
        rng.fill_bytes(&mut bytes);
        if number % 2 == 0 {
            // A right table, then noise.
            let start = [1, 2, 0x80, 0x20, 0x80, 0x20];
            bytes.iter_mut().zip(start).for_each(|(byte, new)| *byte = new);
        }
        accepted += usize::from(entropy::decode(&bytes, 1 + number as usize % 40).is_ok());
    }
    assert!(accepted < 5, "{accepted}");
}
