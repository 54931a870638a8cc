//! Every rule that has a name passes the suite, by name; the grammar; what wrappers promise.

use bitneuron_core::{Seed, Share};
use bitneuron_learning::merge::{
    Bucketing, Distinct, EqualVoices, Faults, Law, Median, Merge, SelfCentred, TrimmedMean,
    VarianceCorrected, WeightedMean, named, rules,
};
use bitneuron_learning::named::NameError;
use bitneuron_learning::suite;
use std::sync::Arc;

fn rule(text: &str) -> Arc<dyn Merge> {
    named(text).expect(text)
}

/// Every name, with defaults and with options, and chains of them.
const CHAINS: [&str; 50] = [
    "default",
    "mean",
    "trains",
    "age",
    "limited",
    "limited:gap=10",
    "filtered",
    "filtered:radius=1,clamp=5",
    "median",
    "trimmed",
    "trimmed:f=2",
    "trimmed:f=0.3",
    "meamed",
    "meamed:f=3",
    "geomed",
    "geomed:nu=0.1,steps=3",
    "krum",
    "krum:f=2",
    "krum:f=4",
    "multikrum",
    "multikrum:f=3",
    "multikrum:f=2,m=2",
    "bulyan",
    "bulyan:f=1",
    "bulyan:f=2",
    "mda",
    "mda:f=3",
    "mda:f=4,search=ball",
    "monna",
    "monna:f=5",
    "cclip",
    "cclip:radius=0.5",
    "cclip:steps=5",
    "caf",
    "caf:f=3",
    "clipgossip",
    "clipgossip:f=4",
    "clipgossip:radius=2",
    "nnm:f=2+mean",
    "nnm:f=2+trimmed:f=2",
    "nnm:f=2+krum:f=2",
    "nnm+geomed",
    "bucketing:s=2+trimmed:f=1",
    "bucketing+clipgossip",
    "arc:f=3+mean",
    "arc+nnm+median",
    "norm:radius=0.5+trimmed:f=2",
    "distinct+krum",
    "near:f=5+mean",
    "equal+median",
];

#[test]
fn every_rule_passes_the_suite() {
    for text in CHAINS {
        suite::merge(&*rule(text)).unwrap_or_else(|broken| panic!("{text}: {broken}"));
    }
    let heads = |text: &str| {
        text.split('+').map(|piece| piece.split(':').next().map(String::from)).collect::<Vec<_>>()
    };
    let tried: Vec<_> = CHAINS.iter().flat_map(|text| heads(text)).flatten().collect();
    for rule in rules().filter(|rule| rule.name() != "variance") {
        assert!(tried.iter().any(|name| name == rule.name()), "{} is not judged", rule.name());
    }
    suite::merge(&VarianceCorrected { rule: WeightedMean }).expect("variance-corrected mean");
    suite::merge(&VarianceCorrected { rule: TrimmedMean::default() })
        .expect("variance-corrected trimmed mean");
}

#[test]
fn promises_are_the_papers() {
    let tolerated = |text: &str, peers: usize| rule(text).tolerates(peers);
    for (text, promises) in [
        ("mean", [0, 0, 0, 0]),
        ("median", [1, 3, 5, 10]),
        ("trimmed:f=2", [0, 2, 2, 2]),
        ("trimmed", [0, 1, 2, 5]),
        ("krum:f=2", [0, 2, 2, 2]),
        ("krum:f=3", [0, 0, 3, 3]),
        ("bulyan:f=2", [0, 0, 2, 2]),
        ("monna:f=4", [0, 0, 4, 4]),
        ("mda:f=2", [0, 2, 2, 2]),
        ("cclip", [0, 3, 5, 10]),
        ("cclip:steps=1", [1, 3, 5, 10]),
        ("cclip:radius=1", [0, 0, 0, 0]),
        ("caf:f=3", [0, 0, 3, 3]),
        ("clipgossip:f=2", [0, 2, 2, 2]),
        ("nnm:f=2+krum:f=3", [0, 0, 2, 2]),
        ("nnm:f=3+mean", [0, 0, 0, 0]),
        ("bucketing:s=2+median", [0, 1, 2, 5]),
        ("arc:f=3+mean", [0, 3, 3, 3]),
        ("near:f=4+mean", [0, 4, 4, 4]),
        ("variance+median", [0, 0, 0, 0]),
        ("distinct+median", [0, 0, 0, 0]),
    ] {
        assert_eq!([2, 6, 10, 20].map(|peers| tolerated(text, peers)), promises, "{text}");
    }
}

#[test]
fn one_liar_more_than_promised_is_too_many() {
    /// A rule that promises one more than it may.
    struct Boastful(Arc<dyn Merge>);
    impl Merge for Boastful {
        fn merge(
            &self,
            own: &bitneuron_learning::Contribution<'_>,
            peers: &[bitneuron_learning::Contribution<'_>],
        ) -> Result<bitneuron_learning::Merged, bitneuron_learning::MergeError> {
            self.0.merge(own, peers)
        }

        fn tolerates(&self, peers: usize) -> usize {
            match self.0.tolerates(peers) {
                0 => 0,
                some => some + 1,
            }
        }

        fn stretch(&self) -> f64 {
            self.0.stretch()
        }

        fn laws(&self) -> bitneuron_learning::merge::Laws {
            self.0.laws()
        }
    }
    for text in [
        "median",
        "trimmed:f=2",
        "meamed:f=3",
        "geomed",
        "monna:f=3",
        "mda:f=3",
        "clipgossip:f=4",
        "near:f=2+mean",
    ] {
        let broken = suite::merge(&Boastful(rule(text))).expect_err(text);
        assert_eq!(broken.law, Law::Tolerance, "{text}: {broken}");
    }
}

#[test]
fn texts_that_name_no_rule_say_what_does() {
    let error = |text: &str| named(text).err().unwrap_or_else(|| panic!("{text:?} is a rule"));
    assert!(matches!(error(""), NameError::Unknown { .. }));
    assert!(matches!(error("mean+"), NameError::Unknown { .. }));
    assert!(matches!(error("nnm:f=2"), NameError::Unfinished { name, .. } if name == "nnm"));
    assert!(matches!(error("krum+mean"), NameError::Misplaced { name, .. } if name == "krum"));
    assert!(matches!(error("trimmed:g=2"), NameError::Key { known, .. } if known == "f"));
    assert!(matches!(error("mean:f=1"), NameError::Key { known, .. } if known == "none"));
    assert!(matches!(error("trimmed:f=1,f=2"), NameError::Twice { .. }));
    assert!(matches!(error("clipgossip:f=1,radius=2"), NameError::Together(..)));
    assert!(matches!(error(&"nnm+".repeat(300)), NameError::Long(1200)));
    for text in [
        "trimmed:f=-1",
        "trimmed:f=0.5",
        "trimmed:f=NaN",
        "trimmed:f",
        "geomed:nu=0",
        "geomed:nu=inf",
        "mda:search=all",
        "filtered:radius=0.5",
        "filtered:clamp=1e300",
        "cclip:radius=-1",
        "norm:radius=x+mean",
        "bucketing:s=-2+mean",
    ] {
        assert!(matches!(error(text), NameError::Value { .. }), "{text}: {}", error(text));
    }
    let text = error("krumm").to_string();
    for rule in rules() {
        assert!(text.contains(rule.name()) && !rule.about.is_empty(), "{text}");
    }
    assert_eq!(rule(" nnm:f=2 + krum:f=2 ").tolerates(9), 2, "blanks are forgiven");
}

#[test]
fn options_reach_the_rule() {
    assert_eq!(rule("trimmed:f=0.3").tolerates(9), 3);
    assert_eq!(rule("bucketing:s=3+median").tolerates(9), 1);
    let halves = SelfCentred { rule: WeightedMean, faults: Faults::Share(Share(Share::ONE.0 / 2)) };
    assert_eq!(halves.tolerates(9), 5);
    assert_eq!(Bucketing { rule: Median, size: 0, seed: Seed::default() }.tolerates(9), 4, "of one each");
    assert!(!EqualVoices { rule: Median }.laws().has(Law::Stake));
    assert!(Distinct::<Median>::default().laws().has(Law::Hull));
}
