//! Rules by name, for command lines and experiment files.
//!
//! ```text
//! RULE    = [PRE "+"]… LAST
//! PRE     = NAME [":" OPTION "=" VALUE ["," …]]         acts before, or around, what follows
//! LAST    = NAME [":" OPTION "=" VALUE ["," …]]
//! ```
//!
//! `f=2` is a number of voices, `f=0.2` a share of them; without `f` it is a quarter.

use super::{
    AdaptiveClipped, AgeWeighted, Bucketing, Bulyan, CentredClipping, ClippedGossip, CovarianceFilter,
    Distinct, EqualVoices, Faults, FilteredMean, GeometricMedian, Krum, Limited, MeanAroundMedian, Median,
    Merge, MinimumDiameter, MultiKrum, NearestNeighbours, NearestToOwn, Neighbourhood, NormClipped, Radius,
    Search, SelfCentred, TrainMean, TrimmedMean, VarianceCorrected, WeightedMean,
};
use bitneuron_core::{Seed, Share};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;

/// A rule as it is named, or something to put before one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: &'static str,
    /// Its options with their defaults.
    pub options: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Whether another rule has to follow.
    pub before_another: bool,
    build: Build,
}

type Built = Result<Arc<dyn Merge>, UnknownRule>;
type BuildLast = fn(&mut Options) -> Built;
type BuildBefore = fn(&mut Options, Arc<dyn Merge>) -> Built;

/// How a name becomes a rule.
#[derive(Debug, Clone, Copy)]
enum Build {
    Last(BuildLast),
    Before(BuildBefore),
}

impl PartialEq for Build {
    fn eq(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Last(_), Self::Last(_)) | (Self::Before(_), Self::Before(_)))
    }
}

impl Eq for Build {}

/// Why a text names no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnknownRule {
    /// No rule has this name.
    #[error("no merge rule is named {0:?}; there are {all}", all = names(false))]
    Name(String),
    /// The rule has no such option.
    #[error("{rule} has no option {option:?}; it has {has}")]
    Option {
        /// The rule.
        rule: &'static str,
        /// What was asked for.
        option: String,
        /// What there is.
        has: &'static str,
    },
    /// A value that the option cannot have.
    #[error("{option}={value} of {rule} should be {expected}")]
    Value {
        /// The rule.
        rule: &'static str,
        /// The option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What could be.
        expected: &'static str,
    },
    /// Something has to follow.
    #[error("{0} acts before another rule, as in \"{0}+mean\"; there are {all}", all = names(false))]
    Unfinished(&'static str),
    /// A rule that ends the chain stands before its end.
    #[error("{0} is a whole rule; before it may stand {all}", all = names(true))]
    Misplaced(&'static str),
}

fn names(before: bool) -> String {
    let wanted = rules().filter(|rule| !before || rule.before_another);
    let name = |rule: &Named| format!("{}{}", rule.name, if rule.before_another { "+…" } else { "" });
    wanted.map(name).collect::<Vec<_>>().join(", ")
}

/// All names, those of whole rules first.
pub fn rules() -> impl Iterator<Item = &'static Named> {
    RULES.iter()
}

/// The rule that a text names.
///
/// ```
/// use bitneuron_learning::merge::named;
/// assert_eq!(named("trimmed:f=2")?.tolerates(8), 2);
/// assert_eq!(named("nnm:f=2+krum:f=2")?.tolerates(8), 2);
/// let error = named("meen").err().expect("no such rule").to_string();
/// assert!(error.contains("mean, trains, age"));
/// # Ok::<(), bitneuron_learning::merge::UnknownRule>(())
/// ```
///
/// # Errors
/// The text names no rule; the error says what could have stood there.
pub fn named(text: &str) -> Result<Arc<dyn Merge>, UnknownRule> {
    let mut pieces = text.split('+').map(str::trim).rev();
    let (last, mut options) = parse(pieces.next().unwrap_or_default())?;
    let Build::Last(build) = last.build else { return Err(UnknownRule::Unfinished(last.name)) };
    let mut rule = build(&mut options)?;
    options.finish()?;
    for piece in pieces {
        let (before, mut options) = parse(piece)?;
        let Build::Before(build) = before.build else { return Err(UnknownRule::Misplaced(before.name)) };
        rule = build(&mut options, rule)?;
        options.finish()?;
    }
    Ok(rule)
}

fn parse(piece: &str) -> Result<(&'static Named, Options), UnknownRule> {
    let (name, rest) = piece.split_once(':').unwrap_or((piece, ""));
    let found = rules().find(|rule| rule.name == name).ok_or_else(|| UnknownRule::Name(name.into()))?;
    let mut given = BTreeMap::new();
    for option in rest.split(',').filter(|option| !option.is_empty()) {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        given.insert(key.trim().to_owned(), value.trim().to_owned());
    }
    Ok((found, Options { rule: found.name, has: found.options, given }))
}

/// The options of one piece, taken out one by one.
struct Options {
    rule: &'static str,
    has: &'static str,
    given: BTreeMap<String, String>,
}

impl Options {
    fn take<T>(
        &mut self,
        option: &'static str,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, UnknownRule> {
        let Some(value) = self.given.remove(option) else { return Ok(None) };
        match read(&value) {
            Some(read) => Ok(Some(read)),
            None => Err(UnknownRule::Value { rule: self.rule, option, value, expected }),
        }
    }

    fn number<T: FromStr>(&mut self, option: &'static str, default: T) -> Result<T, UnknownRule> {
        let read = self.take(option, "a whole number", |text| text.parse().ok())?;
        Ok(read.unwrap_or(default))
    }

    fn positive(&mut self, option: &'static str, default: f64) -> Result<f64, UnknownRule> {
        Ok(self.take(option, "a positive number", positive)?.unwrap_or(default))
    }

    fn faults(&mut self) -> Result<Faults, UnknownRule> {
        let read = |text: &str| match text.parse() {
            Ok(number) => Some(Faults::Number(number)),
            Err(_) => share(text).map(Faults::Share),
        };
        let expected = "a number of voices, or a share of them below 0.5";
        let faults = self.take("f", expected, read)?;
        Ok(faults.unwrap_or_default())
    }

    fn finish(self) -> Result<(), UnknownRule> {
        match self.given.into_keys().next() {
            Some(option) => Err(UnknownRule::Option { rule: self.rule, option, has: self.has }),
            None => Ok(()),
        }
    }
}

fn positive(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

fn share(text: &str) -> Option<Share> {
    let share: f64 = text.parse().ok().filter(|share| (0.0..0.5).contains(share))?;
    Some(Share((share * f64::from(Share::ONE.0)).round() as u32))
}

const fn last(name: &'static str, options: &'static str, about: &'static str, build: BuildLast) -> Named {
    Named { name, options, about, before_another: false, build: Build::Last(build) }
}

const fn before(name: &'static str, options: &'static str, about: &'static str, build: BuildBefore) -> Named {
    Named { name, options, about, before_another: true, build: Build::Before(build) }
}

const RULES: &[Named] = &[
    last("mean", "none", "the mean by weight", |_| Ok(Arc::new(WeightedMean))),
    last("trains", "none", "the mean by weight of what tensor trains represent", |_| Ok(Arc::new(TrainMean))),
    last("age", "none", "the mean by weight times age", |_| Ok(Arc::new(AgeWeighted))),
    last("limited", "gap=100", "by age, among those at most `gap` updates younger than the oldest", |o| {
        Ok(Arc::new(Limited { gap: o.number("gap", 100)? }))
    }),
    last("filtered", "radius=2, clamp=0.1", "the network's rule: drop the far, clamp the rest, mean", |o| {
        let (radius, clamp) = (o.positive("radius", 2.0)?, o.positive("clamp", 0.1)?);
        let wrong = |option, value: f64, expected| UnknownRule::Value {
            rule: "filtered",
            option,
            value: value.to_string(),
            expected,
        };
        if radius < 1.0 {
            return Err(wrong("radius", radius, "at least 1"));
        }
        let rule = FilteredMean::new(radius, clamp as f32);
        Ok(Arc::new(rule.ok_or_else(|| wrong("clamp", clamp, "a positive number"))?))
    }),
    last(
        "default",
        "none",
        "`arc:f=0.4+nnm:f=0.4+krum:f=0.4`, which stands best against a quarter of liars",
        |_| {
            let faults = Faults::Share(Share(Share::ONE.0 * 2 / 5));
            let rule = NearestNeighbours { rule: Krum { faults }, faults };
            // Where liars are more than two fifths by chance, lies of any length would be mixed in without this.
            Ok(Arc::new(AdaptiveClipped { rule, faults }))
        },
    ),
    last("median", "none", "the median of each coordinate", |_| Ok(Arc::new(Median))),
    last("trimmed", "f", "the mean of each coordinate without its `f` largest and smallest", |o| {
        Ok(Arc::new(TrimmedMean { faults: o.faults()? }))
    }),
    last("meamed", "f", "of each coordinate the mean of the N − f nearest to the median", |o| {
        Ok(Arc::new(MeanAroundMedian { faults: o.faults()? }))
    }),
    last("geomed", "nu=1e-6, steps=100", "the point with the least sum of distances", |o| {
        let (smoothing, steps) = (o.positive("nu", 1e-6)?, o.number("steps", 100)?);
        Ok(Arc::new(GeometricMedian { smoothing, steps }))
    }),
    last("krum", "f", "the voice closest to its N − f − 2 nearest", |o| {
        Ok(Arc::new(Krum { faults: o.faults()? }))
    }),
    last("multikrum", "f, m=N-f", "the mean of the m voices that Krum scores best", |o| {
        let chosen = o.take("m", "a whole number", |text| text.parse().ok())?;
        Ok(Arc::new(MultiKrum { faults: o.faults()?, chosen }))
    }),
    last("bulyan", "f", "Krum many times, then the mean around the median; N ≥ 4f + 3", |o| {
        Ok(Arc::new(Bulyan { faults: o.faults()? }))
    }),
    last("mda", "f, search=exact|ball", "the mean of the N − f voices of least diameter", |o| {
        let read = |text: &str| match text {
            "exact" => Some(Search::Exact),
            "ball" => Some(Search::Ball),
            _ => None,
        };
        let search = o.take("search", "exact or ball", read)?.unwrap_or_default();
        Ok(Arc::new(MinimumDiameter { faults: o.faults()?, search }))
    }),
    last("monna", "f", "the mean of the N − f voices nearest to the own one", |o| {
        Ok(Arc::new(NearestToOwn { faults: o.faults()? }))
    }),
    last("cclip", "radius=median, steps=3", "centred clipping, from the own value on", |o| {
        let read = |text: &str| match text {
            "median" => Some(Radius::default()),
            number => positive(number).map(Radius::Fixed),
        };
        let radius = o.take("radius", "`median` or a positive number", read)?.unwrap_or_default();
        Ok(Arc::new(CentredClipping { radius, steps: o.number("steps", 3)? }))
    }),
    last("caf", "f", "fades what stands out along the direction of largest variance", |o| {
        Ok(Arc::new(CovarianceFilter { faults: o.faults()? }))
    }),
    last("clipgossip", "f or radius", "one step of pulls no longer than the farthest honest distance", |o| {
        let neighbours = match o.take("radius", "a positive number", positive)? {
            Some(radius) => Neighbourhood::Radius(radius),
            None => Neighbourhood::Liars(o.faults()?),
        };
        Ok(Arc::new(ClippedGossip { neighbours }))
    }),
    before("nnm", "f", "mixes each voice with its N − f nearest", |o, rule| {
        Ok(Arc::new(NearestNeighbours { rule, faults: o.faults()? }))
    }),
    before("bucketing", "s=2, seed=0", "averages random groups of `s` peers", |o, rule| {
        let (size, seed) = (o.number("s", 2)?, Seed::from_number(o.number("seed", 0)?));
        Ok(Arc::new(Bucketing { rule, size, seed }))
    }),
    before("arc", "f", "brings the farthest to the distance of the next, adaptively", |o, rule| {
        Ok(Arc::new(AdaptiveClipped { rule, faults: o.faults()? }))
    }),
    before("norm", "radius=1", "brings the far to a fixed distance", |o, rule| {
        Ok(Arc::new(NormClipped { rule, radius: o.positive("radius", 1.0)? }))
    }),
    before("distinct", "within=0.01", "those that say the same speak once", |o, rule| {
        Ok(Arc::new(Distinct { rule, within: o.positive("within", 0.01)? }))
    }),
    before("equal", "none", "one node, one voice, whatever its weight", |_, rule| {
        Ok(Arc::new(EqualVoices { rule }))
    }),
    before("near", "f", "follows the rule no farther than the farthest honest peer lies", |o, rule| {
        Ok(Arc::new(SelfCentred { rule, faults: o.faults()? }))
    }),
    before("variance", "none", "spreads each tensor out as wide as those of its inputs", |_, rule| {
        Ok(Arc::new(VarianceCorrected { rule }))
    }),
];
