//! Steps by slices: what they buy for trains, and that nothing else is harmed.

use bitneuron_compress::{
    Chain, CompressError, Compressor, Ecsq, ExactDecoder, Limits, MatrixTrain, Packet, Sliced, Truncation,
    Uniform,
    bound::relative,
    factor::{Factored, TrainLinear},
    tt::{Train, TrainShape},
};
use bitneuron_core::{Layout, Params, Seed, params::Entry};
use rand::Rng;
use std::sync::Arc;

fn random(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).rng();
    let mut unit = || (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32);
    let mut normal = || (-2.0 * unit().ln()).sqrt() * (std::f64::consts::TAU * unit()).cos();
    (0..count).map(|_| normal() as f32).collect()
}

/// Cores as a model names them.
fn params(train: &Train) -> Params {
    let entry = |core: usize| Entry {
        name: format!("w.{}", core + 1),
        shape: train.shape.core_shape(core).iter().map(|size| *size as u32).collect(),
    };
    let layout = Layout::new((0..train.cores.len()).map(entry).collect()).expect("small");
    Params::new(train.cores.concat(), Arc::new(layout)).expect("fits")
}

fn train(params: &Params, shape: &TrainShape) -> Train {
    let mut rest = params.values();
    let cores = (0..shape.modes().len()).map(|core| {
        let (head, tail) = rest.split_at(shape.core_len(core));
        rest = tail;
        head.to_vec()
    });
    Train { cores: cores.collect(), shape: shape.clone() }
}

fn shape() -> TrainShape {
    TrainShape::new(vec![16, 16, 16, 16], vec![10, 20, 10]).expect("chained")
}

/// Cores of normal entries, the columns of each falling as a power of their number.
fn falling(seed: u64, power: f32) -> Train {
    let cores = (0..4).map(|core| {
        let [_, _, right] = shape().core_shape(core);
        let mut values = random(seed * 10 + core as u64, shape().core_len(core));
        values.iter_mut().enumerate().for_each(|(at, x)| *x *= ((at % right + 1) as f32).powf(-power));
        values
    });
    Train { cores: cores.collect(), shape: shape() }
}

/// Relative error of the tensor, and bytes, after `codec`.
fn outcome(codec: &dyn Compressor, source: &Train) -> (f64, usize) {
    let params = params(source);
    let packet = codec.compress(&params, Seed::default()).expect("finite");
    let back = codec.decompress(&packet, params.layout(), Limits::default()).expect("own packet");
    let back = train(&back, &source.shape).expand().expect("finite");
    (relative(&source.expand().expect("finite"), &back), packet.len())
}

#[test]
fn never_worse_than_the_same_bits_for_all() {
    for seed in 0..3 {
        for power in [0.0, 0.5, 2.0] {
            let source = falling(seed, power).orthogonalise().expect("finite");
            for bits in [2, 3, 4, 6, 8] {
                let (uniform, bytes) = outcome(&Uniform::new(bits).expect("in range"), &source);
                let (sliced, spent) = outcome(&Sliced::bytes(bytes), &source);
                assert!(spent <= bytes, "{spent} of {bytes} bytes");
                assert!(sliced <= uniform, "{sliced} {uniform}: seed {seed}, power {power}, {bits} bits");
            }
        }
    }
}

#[test]
fn slices_that_count_less_get_fewer_bits() {
    // The same entropy coder with one step for all entries of a core, at the same bytes.
    for seed in 0..4 {
        let source = falling(seed, 1.0).orthogonalise().expect("finite");
        for bits in [2.0, 3.0, 5.0] {
            let even = Ecsq::bits(bits).expect("in range").per_tensor();
            let (even, bytes) = outcome(&even, &source);
            let (sliced, _) = outcome(&Sliced::bytes(bytes), &source);
            assert!(sliced < 0.6 * even, "{sliced} {even} at {bits} bits");
        }
    }
}

#[test]
fn what_a_core_loses_the_next_takes_up() {
    for seed in 0..6 {
        let source = falling(seed, 0.7);
        for step in [0.02, 0.1, 0.3] {
            let norm = source.norm().expect("finite") as f32;
            let codec = Sliced::step(step * norm / 30.0).expect("positive");
            let (refitted, _) = outcome(&codec, &source);
            let (alone, _) = outcome(&codec.without_refit(), &source);
            assert!(refitted < alone, "{refitted} {alone} at {step}");
        }
    }
}

#[test]
fn kept_cores_stay_near_and_the_others_stand_for_the_same() {
    let layer = TrainLinear::interleaved(&[4, 8, 4], &[8, 8, 8], &[6, 6]).expect("small");
    let names = ["w1.1", "w1.2", "w1.3"];
    let entries = layer.factors().into_iter().zip(names).map(|(shape, name)| Entry {
        name: name.into(),
        shape: shape.into_iter().map(|size| size as u32).collect(),
    });
    let bias = Entry { name: "b1".into(), shape: vec![64] };
    let layout = Arc::new(Layout::new(entries.chain([bias]).collect()).expect("small"));
    let mut values = layer.init(1e-2, Seed::from_number(1));
    values.extend(random(2, 64).iter().map(|x| 0.1 * x));
    let params = Params::new(values, layout.clone()).expect("fits");
    let matrix = |params: &Params| {
        let mut identity = vec![0.0; 128 * 128];
        identity.iter_mut().step_by(129).for_each(|x| *x = 1.0);
        let mut y = vec![0.0; 128 * 512];
        let factors = &params.values()[..layer.parameters()];
        bitneuron_compress::factor::Linear::<f32>::forward(&layer, factors, &identity, &mut y).expect("fits");
        y
    };
    let codec = Sliced::bits(6.0).expect("in range");
    let through = |codec: Sliced| {
        let packet = codec.compress(&params, Seed::default()).expect("finite");
        let back = codec.decompress(&packet, &layout, Limits::default()).expect("own packet");
        let error = relative(&matrix(&params), &matrix(&back));
        let bias = relative(&params.values()[layer.parameters()..], &back.values()[layer.parameters()..]);
        (relative(params.values(), back.values()), error, bias)
    };
    let (entries, error, bias) = through(codec.keep_gauge());
    assert!(entries < 0.05 && error < 0.05 && bias < 0.3, "{entries} {error} {bias}");
    let (entries, error, bias) = through(codec);
    assert!(entries > 0.5 && error < 0.05 && bias < 0.3, "{entries} {error} {bias}");
}

#[test]
fn chains_with_trains_within_bytes() {
    let pairs = [[8, 8], [8, 8]];
    let cores = [random(1, 64 * 12), random(2, 12 * 64)];
    let mut matrix = MatrixTrain::decompose(&[0.5; 4096], &pairs, Truncation::MaxRank(1)).expect("converges");
    matrix.shape = bitneuron_compress::ttm::MatrixShape::new(pairs.to_vec(), vec![12]).expect("chained");
    matrix.cores = cores.to_vec();
    let values = matrix.expand().expect("finite");
    let layout = Arc::new(Layout::of(&[("w", &[64, 64])]).expect("small"));
    let params = Params::new(values, layout.clone()).expect("fits");
    let format = bitneuron_compress::TensorTrainMatrix::new(Truncation::MaxRank(12)).expect("in range");
    let even = Chain::new(format, Uniform::new(4).expect("in range")).expect("one transform");
    let packet = even.compress(&params, Seed::default()).expect("finite");
    // The structure of the train is not the codec's to count.
    let sliced = Chain::new(format, Sliced::bytes(packet.len() - 32)).expect("one transform");
    let smaller = sliced.compress(&params, Seed::default()).expect("finite");
    assert!(smaller.len() <= packet.len());
    let error = |codec: &dyn Compressor, packet: &Packet| {
        let back = codec.decompress(packet, &layout, Limits::default()).expect("own packet");
        relative(params.values(), back.values())
    };
    let (even, sliced) = (error(&even, &packet), error(&sliced, &smaller));
    assert!(sliced < 0.7 * even, "{sliced} {even}");
}

#[test]
fn tensors_that_are_no_train_have_one_step() {
    let shapes: [(&str, &[u32]); 6] = [
        ("w.1", &[1, 6, 4]),
        ("w.3", &[4, 6, 1]),
        ("a.1", &[2, 3, 4]),
        ("a.2", &[4, 3, 1]),
        ("c.1", &[1, 4]),
        ("c.2", &[4, 1]),
    ];
    let layout = Arc::new(Layout::of(&shapes).expect("small"));
    let params = Params::new(random(3, layout.len()), layout.clone()).expect("fits");
    let codec = Sliced::step(0.25).expect("positive");
    let packet = codec.compress(&params, Seed::default()).expect("finite");
    let back = codec.decompress(&packet, &layout, Limits::default()).expect("own packet");
    for (x, y) in params.values().iter().zip(back.values()) {
        assert!((x - y).abs() <= 0.125 && (y / 0.25).fract().abs() < 1e-6, "{x} {y}");
    }
}

#[test]
fn ranks_beyond_what_sides_hold_and_zeros() {
    let layout = Arc::new(Layout::of(&[("w.1", &[1, 2, 5]), ("w.2", &[5, 2, 1])]).expect("small"));
    let codec = Sliced::bits(8.0).expect("in range");
    for values in [random(1, 20), vec![0.0; 20], [vec![0.0; 10], random(2, 10)].concat()] {
        let params = Params::new(values, layout.clone()).expect("fits");
        let product = |values: &[f32]| -> Vec<f32> {
            let entry =
                |at: usize| (0..5).map(|k| values[at / 2 * 5 + k] * values[10 + k * 2 + at % 2]).sum();
            (0..4).map(entry).collect()
        };
        let packet = codec.compress(&params, Seed::default()).expect("finite");
        let back = codec.decompress(&packet, &layout, Limits::default()).expect("own packet");
        let (a, b) = (product(params.values()), product(back.values()));
        assert!(a.iter().zip(&b).all(|(x, y)| (x - y).abs() < 0.1), "{a:?} {b:?}");
    }
}

#[test]
fn settings_out_of_range_and_budgets_too_small_are_refused() {
    assert!([0.0, -1.0, f32::NAN, f32::INFINITY].iter().all(|step| Sliced::step(*step).is_err()));
    assert!([0.0, 12.5, f64::NAN].iter().all(|bits| Sliced::bits(*bits).is_err()));
    let params = params(&falling(1, 1.0));
    let refused = Sliced::bytes(40).compress(&params, Seed::default());
    assert!(matches!(refused, Err(CompressError::TooLarge { .. })), "{refused:?}");
    let refused = Sliced::step(1e-30).expect("positive").compress(&params, Seed::default());
    assert!(matches!(refused, Err(CompressError::Interval { .. })), "{refused:?}");
}

/// Parts of a packet of one core `[2, 2, 2]` with both sides and two classes, with `edit` applied.
fn edited(edit: impl FnOnce(&mut Vec<Vec<u8>>)) -> Result<Params, CompressError> {
    let layout = Arc::new(Layout::of(&[("w", &[2, 2, 2])]).expect("small"));
    let string = |symbols: &[u8]| {
        let coded = bitneuron_compress::entropy::encode(symbols);
        [&0u32.to_le_bytes()[..], &coded].concat()
    };
    let header = [&1f32.to_le_bytes()[..], &[3, 0, 4, 0, 8, 1], &0i16.to_le_bytes()].concat();
    // e is −4, 4 for the first left index and 0, 8 for the second.
    let mut parts = vec![header, string(&[127, 128]), string(&[128, 129, 126, 127, 127, 127])];
    edit(&mut parts);
    let codec = Sliced::default();
    let packet = Packet::new(codec.codec(), layout.digest(), parts).expect("small");
    let values = codec.decompress(&packet, &layout, Limits::default());
    let integers = codec.decompress_exact(&packet, &layout, Limits::default());
    assert_eq!(values.is_ok(), integers.is_ok());
    values
}

/// What is wrong, and how it is made so.
type Edit = (&'static str, fn(&mut Vec<Vec<u8>>));

#[test]
fn every_field_is_checked() {
    let values = edited(|_| {}).expect("well formed");
    // u is 0 and 4 quarters, v 0 and 8: steps 1, ¼, ½ and ⅛.
    assert_eq!(values.values(), [0.0, 0.25, 1.0, 0.5, -0.5, 0.0, 0.0, 0.0]);
    let wrong: [Edit; 16] = [
        ("no parts", Vec::clear),
        ("a class too few", |parts| drop(parts.pop())),
        ("a class too many", |parts| parts.push(parts[1].clone())),
        ("a negative step", |parts| parts[0][3] |= 0x80),
        ("no step, but integers", |parts| parts[0].truncate(4)),
        ("a third side", |parts| parts[0][4] = 8),
        ("a base of zero", |parts| {
            parts[0][4] = 7;
            parts[0].splice(5..5, [0, 0]);
        }),
        ("a base out of range", |parts| {
            parts[0][4] = 7;
            parts[0].splice(5..5, 1001i16.to_le_bytes());
        }),
        ("left scales all zero", |parts| parts[0][6] = 0),
        ("right scales all zero", |parts| parts[0][8] = 0),
        ("scales missing", |parts| parts[0][4] = 1),
        ("borders missing", |parts| parts[0][9] = 2),
        ("too many borders", |parts| parts[0][9] = 16),
        ("a class without integers", |parts| parts[0][10..12].copy_from_slice(&(-30i16).to_le_bytes())),
        ("bytes left over", |parts| parts[0].push(0)),
        ("an integer too few", |parts| parts[1] = parts[2].clone()),
    ];
    for (what, edit) in wrong {
        assert!(edited(edit).is_err(), "{what}");
    }
    let finer = edited(|parts| {
        parts[0][4] = 7;
        parts[0].splice(5..5, 8i16.to_le_bytes());
        // Classes follow.
        parts[0][12..14].copy_from_slice(&8i16.to_le_bytes());
    });
    assert_eq!(finer.expect("well formed").values()[1..4], [0.0625, 0.25, 0.125]);
    let zeros = edited(|parts| {
        parts.truncate(1);
        parts[0] = vec![0; 4];
    });
    assert_eq!(zeros.expect("well formed").values(), [0.0; 8]);
}
