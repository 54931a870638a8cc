//! Rules by name, for command lines and experiment files, in the grammar of [`crate::named`]: any number of parts that act before,
//! or around, what follows, and a whole rule at the end.
//!
//! `f=2` is a number of voices, `f=0.2` a share of them; without `f` it is a quarter.

use super::{
    AdaptiveClipped, AgeWeighted, Bucketing, Bulyan, CentredClipping, ClippedGossip, CovarianceFilter,
    Distinct, EqualVoices, Faults, FilteredMean, GeometricMedian, Krum, Limited, MeanAroundMedian, Median,
    Merge, MinimumDiameter, MultiKrum, NearestNeighbours, NearestToOwn, Neighbourhood, NormClipped, Radius,
    Search, SelfCentred, TrainMean, TrimmedMean, VarianceCorrected, WeightedMean,
};
use crate::named::{Call, NameError, Named, list};
use bitneuron_core::{Seed, Share};
use std::sync::Arc;

type Built = Result<Arc<dyn Merge>, NameError>;

/// How a name becomes a rule.
#[derive(Clone, Copy)]
enum Build {
    /// A whole rule.
    Last(fn(&Call<'_>) -> Built),
    /// Something before, or around, another.
    Before(fn(&Call<'_>, Arc<dyn Merge>) -> Built),
}

/// All names, those of whole rules first.
pub fn rules() -> impl Iterator<Item = Named> {
    RULES.iter().map(|(named, _)| *named)
}

/// The rule that a text names.
///
/// ```
/// use bitneuron_learning::merge::named;
/// assert_eq!(named("trimmed:f=2")?.tolerates(8), 2);
/// assert_eq!(named("nnm:f=2+krum:f=2")?.tolerates(8), 2);
/// let error = named("meen").err().expect("no such rule").to_string();
/// assert!(error.contains("mean, trains, age"));
/// # Ok::<(), bitneuron_learning::named::NameError>(())
/// ```
///
/// # Errors
/// The text names no rule; the error says what could have stood there.
pub fn named(text: &str) -> Result<Arc<dyn Merge>, NameError> {
    let mut whole: Option<Arc<dyn Merge>> = None;
    for part in Call::parts(text)?.iter().rev() {
        let (_, build) = find(part)?;
        let name = || part.name().into();
        whole = Some(match (build, whole) {
            (Build::Last(build), None) => build(part)?,
            (Build::Before(build), Some(rule)) => build(part, rule)?,
            (Build::Before(_), None) => {
                return Err(NameError::Unfinished { name: name(), example: "mean" });
            }
            (Build::Last(_), Some(_)) => {
                let before = RULES.iter().filter(|(_, build)| matches!(build, Build::Before(_)));
                let known = list(before.map(|(named, _)| *named));
                return Err(NameError::Misplaced { name: name(), known });
            }
        });
    }
    whole.ok_or_else(|| unknown(""))
}

fn find(part: &Call<'_>) -> Result<(Named, Build), NameError> {
    let found = RULES.iter().find(|(named, _)| named.name() == part.name());
    let (named, build) = found.ok_or_else(|| unknown(part.name()))?;
    part.only(&named.keys().collect::<Vec<_>>())?;
    Ok((*named, *build))
}

fn unknown(name: &str) -> NameError {
    NameError::Unknown { what: "merge rule", name: name.into(), known: list(rules()) }
}

fn faults(part: &Call<'_>) -> Result<Faults, NameError> {
    let share = |text: &str| {
        let share: f64 = text.parse().ok().filter(|share| (0.0..0.5).contains(share))?;
        Some(Faults::Share(Share((share * f64::from(Share::ONE.0)).round() as u32)))
    };
    let read = |text: &str| text.parse().map(Faults::Number).ok().or_else(|| share(text));
    Ok(part.read("f", "a number of voices, or a share of them below 0.5,", read)?.unwrap_or_default())
}

fn positive(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

const fn last(form: &'static str, about: &'static str, build: fn(&Call<'_>) -> Built) -> (Named, Build) {
    (Named::new(form, about), Build::Last(build))
}

const fn before(
    form: &'static str,
    about: &'static str,
    build: fn(&Call<'_>, Arc<dyn Merge>) -> Built,
) -> (Named, Build) {
    (Named::new(form, about), Build::Before(build))
}

const RULES: &[(Named, Build)] = &[
    last("mean", "the mean by weight", |_| Ok(Arc::new(WeightedMean))),
    last("trains", "the mean by weight of what tensor trains represent", |_| Ok(Arc::new(TrainMean))),
    last("age", "the mean by weight times age", |_| Ok(Arc::new(AgeWeighted))),
    last("limited:gap=100", "by age, among those at most `gap` updates younger than the oldest", |part| {
        Ok(Arc::new(Limited { gap: part.get("gap", 100, ..)? }))
    }),
    last("filtered:radius=2,clamp=0.1", "the network's rule: drop the far, clamp the rest, mean", |part| {
        let radius = part.get("radius", 2.0, 1.0..=f64::MAX)?;
        let rule = FilteredMean::new(radius, part.positive("clamp", 0.1)? as f32);
        Ok(Arc::new(rule.ok_or_else(|| part.wrong("clamp", "a positive number"))?))
    }),
    last("default", "`arc:f=0.4+nnm:f=0.4+krum:f=0.4`, which stands best against a quarter of liars", |_| {
        let faults = Faults::Share(Share(Share::ONE.0 * 2 / 5));
        let rule = NearestNeighbours { rule: Krum { faults }, faults };
        // Where liars are more than two fifths by chance, lies of any length would be mixed in without this.
        Ok(Arc::new(AdaptiveClipped { rule, faults }))
    }),
    last("median", "the median of each coordinate", |_| Ok(Arc::new(Median))),
    last("trimmed:f=0.25", "the mean of each coordinate without its `f` largest and smallest", |part| {
        Ok(Arc::new(TrimmedMean { faults: faults(part)? }))
    }),
    last("meamed:f=0.25", "of each coordinate the mean of the N − f nearest to the median", |part| {
        Ok(Arc::new(MeanAroundMedian { faults: faults(part)? }))
    }),
    last("geomed:nu=1e-6,steps=100", "the point with the least sum of distances", |part| {
        let (smoothing, steps) = (part.positive("nu", 1e-6)?, part.get("steps", 100, ..)?);
        Ok(Arc::new(GeometricMedian { smoothing, steps }))
    }),
    last("krum:f=0.25", "the voice closest to its N − f − 2 nearest", |part| {
        Ok(Arc::new(Krum { faults: faults(part)? }))
    }),
    last("multikrum:f=0.25,m=N-f", "the mean of the m voices that Krum scores best", |part| {
        let chosen = part.read("m", "a whole number", |text| text.parse().ok())?;
        Ok(Arc::new(MultiKrum { faults: faults(part)?, chosen }))
    }),
    last("bulyan:f=0.25", "Krum many times, then the mean around the median; N ≥ 4f + 3", |part| {
        Ok(Arc::new(Bulyan { faults: faults(part)? }))
    }),
    last(
        "mda:f=0.25,search=exact",
        "the mean of the N − f voices of least diameter; or in the least `ball`",
        |part| {
            let read = |text: &str| match text {
                "exact" => Some(Search::Exact),
                "ball" => Some(Search::Ball),
                _ => None,
            };
            let search = part.read("search", "`exact` or `ball`", read)?.unwrap_or_default();
            Ok(Arc::new(MinimumDiameter { faults: faults(part)?, search }))
        },
    ),
    last("monna:f=0.25", "the mean of the N − f voices nearest to the own one", |part| {
        Ok(Arc::new(NearestToOwn { faults: faults(part)? }))
    }),
    last("cclip:radius=median,steps=3", "centred clipping, from the own value on", |part| {
        let read = |text: &str| match text {
            "median" => Some(Radius::default()),
            number => positive(number).map(Radius::Fixed),
        };
        let radius = part.read("radius", "`median` or a positive number", read)?.unwrap_or_default();
        Ok(Arc::new(CentredClipping { radius, steps: part.get("steps", 3, ..)? }))
    }),
    last("caf:f=0.25", "fades what stands out along the direction of largest variance", |part| {
        Ok(Arc::new(CovarianceFilter { faults: faults(part)? }))
    }),
    last(
        "clipgossip:f=0.25,radius=NUMBER",
        "one step of pulls no longer than the farthest honest distance, or than a radius",
        |part| {
            let neighbours = match part.read("radius", "a positive number", positive)? {
                Some(_) if part.text("f").is_some() => {
                    return Err(NameError::Together("f".into(), "radius".into()));
                }
                Some(radius) => Neighbourhood::Radius(radius),
                None => Neighbourhood::Liars(faults(part)?),
            };
            Ok(Arc::new(ClippedGossip { neighbours }))
        },
    ),
    before("nnm:f=0.25+RULE", "mixes each voice with its N − f nearest", |part, rule| {
        Ok(Arc::new(NearestNeighbours { rule, faults: faults(part)? }))
    }),
    before("bucketing:s=2,seed=0+RULE", "averages random groups of `s` peers", |part, rule| {
        let (size, seed) = (part.get("s", 2, ..)?, Seed::from_number(part.get("seed", 0, ..)?));
        Ok(Arc::new(Bucketing { rule, size, seed }))
    }),
    before("arc:f=0.25+RULE", "brings the farthest to the distance of the next, adaptively", |part, rule| {
        Ok(Arc::new(AdaptiveClipped { rule, faults: faults(part)? }))
    }),
    before("norm:radius=1+RULE", "brings the far to a fixed distance", |part, rule| {
        Ok(Arc::new(NormClipped { rule, radius: part.positive("radius", 1.0)? }))
    }),
    before("distinct:within=0.01+RULE", "those that say the same speak once", |part, rule| {
        Ok(Arc::new(Distinct { rule, within: part.positive("within", 0.01)? }))
    }),
    before("equal+RULE", "one node, one voice, whatever its weight", |_, rule| {
        Ok(Arc::new(EqualVoices { rule }))
    }),
    before(
        "near:f=0.25+RULE",
        "follows the rule no farther than the farthest honest peer lies",
        |part, rule| Ok(Arc::new(SelfCentred { rule, faults: faults(part)? })),
    ),
    before("variance+RULE", "spreads each tensor out as wide as those of its inputs", |_, rule| {
        Ok(Arc::new(VarianceCorrected { rule }))
    }),
];
