//! The choice of codecs: budgets are kept, the report tells what was sent, and nothing better was at hand.

use bitneuron_compress::{
    Absmax8, Auto, Chain, CodecId, CompressError, Compressor, Cosine, Dense, Ecsq, ExactDecoder, Limits, Nf4,
    Registry, TensorTrain, Top, Uniform,
    auto::{Budget, TensorFormat},
    bound::{relative, relative_error},
    sparse::Density,
};
use bitneuron_core::{Layout, Params, Seed};
use rand::Rng;
use std::sync::Arc;

/// A matrix of rank 2, one of noise, one with few values, and a short vector.
fn params() -> Params {
    let shapes: &[(&str, &[u32])] = &[
        ("smooth", &[64, 48]),
        ("rough", &[64, 48]),
        ("nothing", &[0]),
        ("sparse", &[3000]),
        ("short", &[5]),
    ];
    let layout = Arc::new(Layout::of(shapes).expect("small"));
    let mut rng = Seed::from_number(4).rng();
    let value = |at: usize| {
        let noise = f64::from(rng.next_u32() as i32) / f64::from(1 << 30);
        let value = match at {
            0..3072 => (at / 48) as f64 * 0.05 - (at % 48) as f64 * 0.015,
            6144..9144 if !at.is_multiple_of(97) => 0.0,
            _ => noise,
        };
        value as f32
    };
    Params::new((0..layout.len()).map(value).collect(), layout).expect("fits")
}

fn decoded(auto: &Auto, params: &Params) -> (usize, Params, bitneuron_compress::auto::Report) {
    let (packet, report) = auto.compress_with_report(params, Seed::default()).expect("carried");
    assert_eq!(packet, auto.compress(params, Seed::default()).expect("carried"));
    let back = auto.decompress(&packet, params.layout(), Limits::of(params.layout())).expect("own packet");
    assert_eq!(report.bytes, packet.len());
    (packet.len(), back, report)
}

#[test]
fn each_tensor_is_within_the_error_and_as_small_as_can_be() {
    let params = params();
    for error in [0.001, 0.02, 0.1, 0.5] {
        let auto = Auto::standard(Budget::Error(error)).expect("in range");
        let (_, back, report) = decoded(&auto, &params);
        assert_eq!(report.choices.len(), 4, "none for the tensor without elements");
        assert!((report.error - relative_error(&params, &back)).abs() < 1e-9);
        for choice in &report.choices {
            let index = params.layout().index(&choice.tensor).expect("named");
            let range = params.layout().range(index).expect("there");
            let (given, found) = (&params.values()[range.clone()], &back.values()[range]);
            assert!((relative(given, found) - choice.chosen.error).abs() < 1e-9, "{choice}");
            assert!(choice.chosen.error <= error, "{choice}");
            assert_eq!(auto.candidates()[choice.chosen.candidate].codec(), choice.chosen.codec);
            // Alone, no candidate that meets the error is smaller.
            let layout =
                Arc::new(Layout::new(vec![params.layout().entries()[index].clone()]).expect("small"));
            let single = Params::new(given.to_vec(), layout).expect("fits");
            for candidate in auto.candidates() {
                let packet = candidate.compress(&single, Seed::default()).expect("carried");
                let back = candidate.decompress(&packet, single.layout(), Limits::default()).expect("own");
                let bytes: usize = 4 + packet.parts().iter().map(|part| 4 + part.len()).sum::<usize>();
                let better = relative_error(&single, &back) <= error && bytes < choice.chosen.bytes;
                assert!(!better, "{choice}: {} has {bytes} bytes", candidate.codec());
            }
        }
    }
}

#[test]
fn says_where_a_tensor_format_pays_and_where_not() {
    let (_, _, report) = decoded(&Auto::standard(Budget::Error(0.05)).expect("in range"), &params());
    let [smooth, rough, sparse, _] = &report.choices[..] else { panic!("four tensors") };
    assert_eq!(smooth.format, TensorFormat::Paid);
    assert_eq!(smooth.chosen.codec.transform(), TensorTrain::ID);
    let TensorFormat::DidNotPay(trial) = rough.format else { panic!("{rough}") };
    assert!(trial.bytes > rough.chosen.bytes && trial.codec.transform() != 0);
    assert_eq!(rough.chosen.codec, CodecId::ECSQ);
    assert_eq!(sparse.chosen.codec, CodecId::TOP);
    let told = report.to_string();
    assert_eq!(told.lines().count(), 6);
    assert!(told.contains("paid") && told.contains("did not pay: 0x010d"), "{told}");
    let plain = Auto::new(vec![Arc::new(Top::default())], Budget::Error(0.05)).expect("in range");
    let (_, _, report) = decoded(&plain, &params());
    assert!(report.choices.iter().all(|choice| choice.format == TensorFormat::NotTried));
}

#[test]
fn bytes_are_kept_and_well_spent() {
    let params = params();
    let dense = Dense.compress(&params, Seed::default()).expect("finite").len();
    let mut last = f64::INFINITY;
    for budget in [dense / 60, dense / 20, dense / 10, dense / 5, dense] {
        let auto = Auto::standard(Budget::Bytes(budget)).expect("in range");
        let (bytes, back, report) = decoded(&auto, &params);
        assert!(bytes <= budget);
        let error = relative_error(&params, &back);
        assert!((report.error - error).abs() < 1e-9);
        assert!(error < last, "more bytes, less error: {budget} {error}");
        last = error;
        // No single codec does better in as many bytes.
        for bits in 1..=8 {
            let uniform = Uniform::new(bits).expect("in range");
            let packet = uniform.compress(&params, Seed::default()).expect("finite");
            let back = uniform.decompress(&packet, params.layout(), Limits::default()).expect("own packet");
            assert!(packet.len() > bytes || relative_error(&params, &back) >= error, "{bits} bits");
        }
    }
    let refused = Auto::standard(Budget::Bytes(100)).expect("in range").compress(&params, Seed::default());
    assert!(matches!(refused, Err(CompressError::TooLarge { limit, .. }) if limit < 100));
}

#[test]
fn every_tensor_gets_the_codec_of_values_that_suits_it() {
    // Values that differ by orders of magnitude from block to block, and a row of normal ones.
    let shapes: &[(&str, &[u32])] = &[("blocks", &[64, 64]), ("even", &[4096])];
    let layout = Arc::new(Layout::of(shapes).expect("small"));
    let mut rng = Seed::from_number(9).rng();
    let mut noise = move || f64::from(rng.next_u32() as i32) / f64::from(1u32 << 31);
    let value =
        |at: usize| (if at < 4096 { 10f64.powi(at as i32 / 64 % 6 - 6) } else { 1.0 } * noise()) as f32;
    let params = Params::new((0..8192).map(value).collect(), layout).expect("fits");
    let auto = Auto::new(
        vec![
            Arc::new(Ecsq::relative_error(0.1).expect("in range")),
            Arc::new(Nf4),
            Arc::new(Absmax8::default()),
        ],
        Budget::Bytes(3600),
    );
    let (bytes, _, report) = decoded(&auto.expect("in range"), &params);
    assert!(bytes <= 3600);
    let names: Vec<Option<String>> = report.choices.iter().map(|choice| choice.chosen.codec.name()).collect();
    // Nobody looks at the small blocks in a relative error of the whole, so the entropy coder spends nothing on them.
    assert_eq!(names, [Some("ecsq".into()), Some("nf4".into())]);
}

#[test]
fn what_a_candidate_refuses_another_carries() {
    // Beyond what a uniform quantiser can carry.
    let layout = Arc::new(Layout::of(&[("w", &[9])]).expect("small"));
    let params = Params::new(vec![f32::MAX; 9], layout).expect("fits");
    let auto = Auto::new(vec![Arc::new(Uniform::default())], Budget::Error(0.5)).expect("in range");
    let (_, back, report) = decoded(&auto, &params);
    assert_eq!((report.choices[0].chosen.codec, &back), (CodecId::DENSE, &params));
    assert!(Auto::new(vec![], Budget::Error(1.5)).is_err());
    assert!(Auto::new(vec![], Budget::Error(f64::NAN)).is_err());
    assert!(Auto::new(vec![Arc::new(Auto::default())], Budget::Bytes(5)).is_err());
}

#[test]
fn a_receiver_must_know_the_codecs_but_not_the_budget() {
    let params = params();
    let chain = Chain::new(TensorTrain::default(), Uniform::new(7).expect("in range")).expect("one");
    let auto = Auto::new(vec![Arc::new(chain)], Budget::Error(0.2)).expect("in range");
    let packet = auto.compress(&params, Seed::default()).expect("carried");
    let back = Registry::standard().decompress(&packet, params.layout(), Limits::default()).expect("known");
    assert!(relative_error(&params, &back) < 0.2);
    let ignorant = Auto::new(vec![], Budget::Bytes(0)).expect("in range");
    let refused = ignorant.decompress(&packet, params.layout(), Limits::default());
    assert!(matches!(refused, Err(CompressError::UnknownCodec(CodecId::TENSOR_TRAIN_UNIFORM))));
}

#[test]
fn a_choice_of_exact_codecs_is_exact() {
    let params = params();
    let auto = Auto::standard(Budget::Error(0.02)).expect("in range");
    let packet = auto.compress(&params, Seed::default()).expect("carried");
    let limits = Limits::default();
    let back = auto.decompress(&packet, params.layout(), limits).expect("own packet");
    let integers = Registry::standard().decompress_exact(&packet, params.layout(), limits).expect("exact");
    for (integer, value) in integers.iter().zip(back.values()) {
        assert!((f64::from(*integer) - f64::from(*value) * 4096.0).abs() <= 1.0);
    }
    // The train costs more than one multiplication for each element.
    assert!(auto.work(&packet, params.layout()) > params.values().len() as u64);
    // Where one of them is not, the choice is not.
    let tenth = Density::new(1, 10).expect("in range");
    let cosine: Arc<dyn Compressor> = Arc::new(Cosine::new(tenth));
    let auto = Auto::new(vec![cosine], Budget::Error(1.0)).expect("in range");
    let packet = auto.compress(&params, Seed::default()).expect("carried");
    assert!(Registry::standard().decompress(&packet, params.layout(), limits).is_ok());
    let refused = Registry::standard().decompress_exact(&packet, params.layout(), limits);
    assert!(matches!(refused, Err(CompressError::UnknownCodec(CodecId::COSINE))));
}

#[test]
fn errors_name_the_place_among_all_tensors() {
    let layout = Arc::new(Layout::of(&[("a", &[3]), ("b", &[2])]).expect("small"));
    let params = Params::new(vec![1.0, 2.0, 3.0, 1.0, 5.0], layout.clone()).expect("fits");
    let auto = Auto::exact(vec![], Budget::Error(0.0)).expect("in range");
    let packet = auto.compress(&params, Seed::default()).expect("finite");
    let refused = auto.decode_fixed(&packet, &layout, Limits::default(), 29);
    assert!(matches!(refused, Err(CompressError::Interval { at: 4 })), "{refused:?}");
}
