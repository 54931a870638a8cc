//! Partitions, reading, splitting and evaluating: every row once, hostile text refused, figures against an oracle.
#![expect(clippy::float_cmp, reason = "the same computation must give the same bits")]

use bitneuron_core::{Dataset, Params, Seed};
use bitneuron_learning::data::{self, DataError, SplitRule, Table};
use bitneuron_learning::eval::{self, Spread};
use bitneuron_learning::model::{Model, SoftmaxRegression};
use bitneuron_learning::partition::{Partition, PartitionError, dirichlet, iid, shards};
use ndarray::Array2;
use proptest::{prelude::*, test_runner::RngSeed};
use std::io::Write as _;

fn digits() -> Dataset {
    data::digits(include_bytes!("../../../data/digits.csv.gz")).expect("the digits")
}

fn every_row_once(partition: &Partition, rows: usize) -> bool {
    let mut all: Vec<usize> = partition.nodes.concat();
    all.sort_unstable();
    all == (0..rows).collect::<Vec<_>>() && partition.nodes.iter().all(|node| node.is_sorted())
}

/// The same cases in every run.
fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(fixed(64))]
    #[test]
    fn every_row_goes_to_one_node(rows in 0usize..300, nodes in 0usize..25, alpha in 0.01f64..20.0, each in 0usize..4, seed: u64) {
        let seed = Seed::from_number(seed);
        let labels: Vec<u32> = (0..rows).map(|row| (row * row % 7) as u32).collect();
        let enough = |least: usize| nodes > 0 && rows >= nodes * least;

        let even = iid(rows, nodes, seed);
        prop_assert_eq!(even.is_ok(), enough(1));
        if let Ok(even) = even {
            prop_assert!(every_row_once(&even, rows) && even.nodes.len() == nodes);
            let sizes = even.nodes.iter().map(Vec::len);
            prop_assert!(sizes.clone().max().expect("nodes") - sizes.min().expect("nodes") <= 1);
        }
        let skewed = dirichlet(&labels, nodes, alpha, each, seed);
        prop_assert_eq!(skewed.is_ok(), enough(each));
        if let Ok(skewed) = skewed {
            prop_assert!(every_row_once(&skewed, rows) && skewed.nodes.len() == nodes);
            prop_assert!(skewed.nodes.iter().all(|node| node.len() >= each));
            prop_assert_eq!(&skewed, &dirichlet(&labels, nodes, alpha, each, seed).expect("the same"));
        }
        let few = shards(&labels, nodes, each, seed);
        prop_assert_eq!(few.is_ok(), enough(each.max(1)));
        if let Ok(few) = few {
            prop_assert!(every_row_once(&few, rows) && few.nodes.len() == nodes);
        }
    }
}

#[test]
fn concentration_sets_the_skew() {
    let labels: Vec<u32> = (0..5_000).map(|row| row % 10).collect();
    let entropy = |alpha| {
        let partition = dirichlet(&labels, 20, alpha, 1, Seed::from_number(3)).expect("enough");
        partition.mean_label_entropy(&labels)
    };
    let (even, middle, skewed) = (entropy(1_000.0), entropy(0.5), entropy(0.05));
    assert!(even > 3.25 && even <= 10f64.log2(), "even {even}");
    assert!((1.5..2.9).contains(&middle), "middle {middle}");
    assert!(skewed < 1.2, "skewed {skewed}");
    let two = shards(&labels, 25, 2, Seed::from_number(3)).expect("enough").label_entropy(&labels);
    assert!(two.iter().all(|bits| *bits <= 1.0 + 1e-9), "two shards of one label each give at most one bit");
}

#[test]
fn a_hopeless_minimum_is_reached_by_hand_and_counted() {
    let labels: Vec<u32> = (0..200).map(|row| row % 4).collect();
    let partition = dirichlet(&labels, 100, 0.01, 2, Seed::from_number(1)).expect("just enough");
    assert!(partition.moved > 0);
    assert!(partition.nodes.iter().all(|node| node.len() == 2));
    let vertex = dirichlet(&labels, 5, 1e-6, 0, Seed::from_number(1)).expect("enough");
    assert!(every_row_once(&vertex, 200), "the smallest concentration still places every row");
    for alpha in [0.0, -1.0, f64::MIN_POSITIVE, f64::NAN, f64::INFINITY] {
        assert_eq!(dirichlet(&labels, 3, alpha, 1, Seed::default()), Err(PartitionError::Concentration));
    }
}

#[test]
fn the_digits_are_whole_and_split_as_the_protocol_says() {
    let data = digits();
    assert_eq!((data.len(), data.features().ncols(), data.classes()), (1_797, 64, 10));
    let sum: f32 = data.features().iter().sum();
    assert!(data.features().iter().all(|value| (0.0..=1.0).contains(value)));
    assert!((sum * 16.0 - 561_718.0).abs() < 1.0, "the sum of all pixels is {}", sum * 16.0);

    let split = SplitRule::default().split(&data, Seed::from_number(1)).expect("enough");
    let parts = [&split.report, &split.metric, &split.public, &split.private];
    assert_eq!(parts.map(Dataset::len), [360, 144, 258, 1_035]);
    let rows = |data: &Dataset| -> Vec<(Vec<u32>, u32)> {
        let bits =
            data.features().rows().into_iter().map(|row| row.iter().map(|value| value.to_bits()).collect());
        bits.zip(data.labels().iter().copied()).collect()
    };
    let (mut all, mut found) = (rows(&data), parts.map(rows).concat());
    all.sort_unstable();
    found.sort_unstable();
    assert_eq!(all, found);
    for part in parts {
        for class in 0..10 {
            let count = |data: &Dataset| data.labels().iter().filter(|label| **label == class).count() as f64;
            let expected = count(&data) * part.len() as f64 / data.len() as f64;
            assert!(
                (count(part) - expected).abs() <= 1.5,
                "{} of class {class}, {expected} expected",
                count(part)
            );
        }
    }
    assert_ne!(split, SplitRule::default().split(&data, Seed::from_number(2)).expect("enough"));
    assert!(matches!(
        SplitRule { report: 1_798, ..SplitRule::default() }.split(&data, Seed::default()),
        Err(DataError::TooFewRows { .. })
    ));
}

#[test]
fn what_is_not_packed_digits_is_refused() {
    let packed = include_bytes!("../../../data/digits.csv.gz").as_slice();
    assert_eq!(data::digits(b""), Err(DataError::Packed));
    assert_eq!(data::digits(b"0,0,0"), Err(DataError::Packed));
    assert_eq!(data::digits(&packed[..packed.len() / 2]), Err(DataError::Packed));
    // A thousand bytes that unpack to a mebibyte and one byte.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b'\n'; (1 << 20) + 1]).expect("memory");
    assert_eq!(data::digits(&bomb.finish().expect("memory")), Err(DataError::Packed));
    let endless = Table { features: usize::MAX, ..SMALL };
    assert_eq!(endless.parse(""), Err(DataError::Features(usize::MAX)));
}

/// Ten thousand texts: half are noise, half are sound tables of which a field, a line or a byte was changed.
#[test]
fn mutants_never_panic_and_only_tables_pass() {
    let mut rng = Seed::from_number(7).rng();
    let odd = ["", "-1", "17", "16", "3", "1.5", "nan", "99999999999999999999", " 2 ", "\u{e9}", "+1", "0x1"];
    let (mut read, mut refused) = (0, 0);
    for number in 0..10_000 {
        let text = if number % 2 == 0 {
            let mut fields: Vec<Vec<String>> = (0..rng.random_range(0..6))
                .map(|_| {
                    (0..3).map(|at| rng.random_range(0..if at < 2 { 17 } else { 3 }).to_string()).collect()
                })
                .collect();
            let line = rng.random_range(0..6);
            if let Some(line) = fields.get_mut(line) {
                match rng.random_range(0..4) {
                    0 => line[number / 2 % 3] = odd[rng.random_range(0..odd.len())].into(),
                    1 => line.push("1".into()),
                    2 => line.truncate(number / 2 % 4),
                    _ => {}
                }
            }
            let lines: Vec<String> = fields.iter().map(|fields| fields.join(",")).collect();
            lines.join(["\n", "\r\n", "\n\n", "\r"][rng.random_range(0..4)])
        } else {
            let letters = ['0', '1', '7', ',', ',', '-', '.', ' ', '\n', '\u{e9}', '\0'];
            (0..rng.random_range(0..60)).map(|_| letters[rng.random_range(0..letters.len())]).collect()
        };
        match SMALL.parse(&text) {
            Ok(data) => {
                read += 1;
                assert!(data.len() <= 4 && data.features().ncols() == 2, "{text:?}");
                assert!(data.features().iter().all(|value| (0.0..=1.0).contains(value)), "{text:?}");
                assert!(data.labels().iter().all(|label| *label < 3), "{text:?}");
            }
            Err(_) => refused += 1,
        }
    }
    assert!(read > 1_000 && refused > 1_000, "both happen: {read} read, {refused} refused");
}

const SMALL: Table = Table { features: 2, classes: 3, full_scale: 16, rows: 4 };

#[test]
fn hostile_text_is_refused() {
    for text in [
        "1",
        "1,2",
        "1,2,3,0",
        "17,2,0",
        "1,2,3",
        "-1,2,0",
        "a,2,0",
        "1,,0",
        ",,",
        "1.5,2,0",
        "1,2,0.0",
        "NaN,1,1",
        "99999999999999999999,1,1",
        "1,2,-1",
        "1;2;0",
        "\u{feff}1,2,0",
        "1,2,0\n1,2",
        "1,2,0\0",
    ] {
        assert!(SMALL.parse(text).is_err(), "{text:?}");
    }
    let commas = ",".repeat(1 << 20);
    assert_eq!(SMALL.parse(&commas), Err(DataError::Fields { line: 1, found: 4, expected: 3 }));
    assert_eq!(SMALL.parse(&"1,2,0\n".repeat(5)), Err(DataError::TooManyRows(4)));
    let data =
        SMALL.parse("1, 2,0\r\n\n16,0,2\r\n").expect("spaces, empty lines and carriage returns are fine");
    assert_eq!((data.len(), data.labels()), (2, &[0, 2][..]));
    assert!(SMALL.parse("").expect("nothing").is_empty());
}

proptest! {
    #![proptest_config(fixed(256))]
    /// Every figure against a plain computation in `f64`.
    #[test]
    fn figures_agree_with_an_oracle(rows in 1usize..600, seed: u64) {
        let model = SoftmaxRegression::new(2, 3).expect("small");
        let draw = |n: usize, label: &str| -> Vec<f32> {
            let mut rng = Seed::from_number(seed).derive(label).rng();
            (0..n).map(|_| 4.0 * rng.random::<f32>() - 2.0).collect()
        };
        let params = Params::new(draw(9, "params"), model.layout().clone()).expect("fits");
        let labels: Vec<u32> = (0..rows).map(|row| (row % 3) as u32).collect();
        let features = Array2::from_shape_vec((rows, 2), draw(2 * rows, "rows")).expect("fits");
        let data = Dataset::new(features, labels).expect("fits");
        let (mut right, mut entropy, mut squares, mut table) = (0, 0.0, 0.0, [[0u64; 3]; 3]);
        let (w, b) = params.values().split_at(6);
        for (row, label) in data.features().rows().into_iter().zip(data.labels()) {
            let z: Vec<f64> = (0..3).map(|c| f64::from(b[c]) + (0..2).map(|i| f64::from(row[i]) * f64::from(w[3 * i + c])).sum::<f64>()).collect();
            let sum: f64 = z.iter().map(|z| z.exp()).sum();
            let named = (0..3).fold(0, |best, c| if z[c] > z[best] { c } else { best });
            right += u32::from(named == *label as usize);
            table[*label as usize][named] += 1;
            entropy -= (z[*label as usize].exp() / sum).ln() / rows as f64;
            squares += (0..3).map(|c| (z[c].exp() / sum - f64::from(u8::from(c == *label as usize))).powi(2)).sum::<f64>() / (3 * rows) as f64;
        }
        let found = eval::evaluate(&model, params.values(), &data).expect("fits");
        // A tie within rounding may go either way.
        prop_assert!((found.accuracy - f64::from(right) / rows as f64).abs() <= 1.0 / rows as f64 + 1e-12);
        prop_assert!((found.cross_entropy - entropy).abs() < 1e-5);
        prop_assert!((found.mean_squared_error - squares).abs() < 1e-5);
        prop_assert_eq!(found.rows, rows);
        let differing: u64 = (0..9).map(|i| found.confusion.count(i / 3, i % 3).abs_diff(table[i / 3][i % 3])).sum();
        prop_assert!(differing <= 2);
        prop_assert_eq!(eval::accuracy(&model, params.values(), &data).expect("fits"), found.accuracy);
        prop_assert!((eval::cross_entropy(&model, params.values(), &data).expect("fits") - found.cross_entropy).abs() < 1e-6);
        prop_assert_eq!(eval::mean_squared_error(&model, params.values(), &data).expect("fits"), found.mean_squared_error);
        prop_assert_eq!(eval::confusion(&model, params.values(), &data).expect("fits"), found.confusion);
        // Another layout in memory, the same figures.
        let turned = Dataset::new(data.features().t().as_standard_layout().reversed_axes().to_owned(), data.labels().to_vec()).expect("fits");
        prop_assert_eq!(eval::accuracy(&model, params.values(), &turned).expect("fits"), found.accuracy);
    }
}

#[test]
fn the_spread_over_nodes() {
    let spread = Spread::of([0.5, 0.9, 0.7]).expect("three");
    assert_eq!((spread.worst, spread.best), (0.5, 0.9));
    assert!((spread.mean - 0.7).abs() < 1e-12);
    assert_eq!(Spread::of([]), None);
}
