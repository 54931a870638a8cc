//! Attacks by name, as in experiment files and on command lines: `alie:z=1.5`, `sybils:names=8+ipm:strength=2`.

use super::{
    Attack, Backdoor, Copier, Dissensus, Eclipse, Flood, Force, FreeRider, Gaussian, Infinity, InnerProduct,
    LabelFlip, LittleIsEnough, Mimic, SignFlip, Sybils, Trigger,
};
use bitneuron_learning::named::{Call, NameError, Named, list};
use std::ops::Bound;
use std::sync::Arc;

const NAMES: [Named; 17] = [
    Named::new("signflip:scale=1", "the negated mean of the honest values"),
    Named::new("ipm:strength=2", "back along the way of the honest mean (inner-product manipulation)"),
    Named::new("ipm-optimal", "the same, as far as hurts the rule most"),
    Named::new("alie:z=1.5", "the honest mean and z standard deviations (a little is enough)"),
    Named::new("alie-optimal", "the same, as many as hurt the rule most"),
    Named::new("mimic", "all liars repeat the honest node that stands out most"),
    Named::new("dissensus:strength=1", "each receiver is pushed away from its neighbours"),
    Named::new("gauss:sigma=10", "independent normal numbers"),
    Named::new("infinity", "bytes that are no numbers; decoders refuse them"),
    Named::new("huge", "finite numbers of 1e30"),
    Named::new("labelflip", "honest work on rows with flipped labels"),
    Named::new("backdoor:boost=2,target=0", "teaches a pattern of four corners, with an enlarged step"),
    Named::new("flood:times=10", "false rows for the neighbours, so many times the own ones each round"),
    Named::new("freerider:noise=0.001", "the mean of what was heard, a little changed, never trained"),
    Named::new("copier", "the weights of an honest node under the own name"),
    Named::new("sybils:names=4+signflip:scale=1", "any attack, each liar under so many names"),
    Named::new("eclipse+signflip:scale=1", "any attack, and peer samplers are told only of liars"),
];

/// All attacks that have names.
pub fn names() -> impl Iterator<Item = Named> {
    NAMES.into_iter()
}

/// The attack of this name with these settings, in the grammar of [`bitneuron_learning::named`].
///
/// # Errors
/// No such name, or a setting that makes no sense; the error says what would do.
pub fn named(text: &str) -> Result<Arc<dyn Attack>, NameError> {
    let mut attack: Option<Arc<dyn Attack>> = None;
    for part in Call::parts(text)?.iter().rev() {
        attack = Some(match attack {
            None => alone(part)?,
            Some(attack) => around(part, attack)?,
        });
    }
    attack.map_or_else(|| alone(&Call::default()), Ok)
}

/// An attack that is whole.
fn alone(part: &Call<'_>) -> Result<Arc<dyn Attack>, NameError> {
    let named = part.find("attack", &NAMES)?;
    Ok(match named.name() {
        "signflip" => Arc::new(SignFlip { scale: positive(part, "scale", 1.0)? }),
        "ipm" => Arc::new(InnerProduct(Force::Fixed(positive(part, "strength", 2.0)?))),
        "ipm-optimal" => Arc::new(InnerProduct(Force::Optimal)),
        "alie" => Arc::new(LittleIsEnough(Force::Fixed(positive(part, "z", 1.5)?))),
        "alie-optimal" => Arc::new(LittleIsEnough(Force::Optimal)),
        "mimic" => Arc::new(Mimic),
        "dissensus" => Arc::new(Dissensus { strength: positive(part, "strength", 1.0)? }),
        "gauss" => Arc::new(Gaussian { sigma: positive(part, "sigma", 10.0)? }),
        "infinity" => Arc::new(Infinity { finite: false }),
        "huge" => Arc::new(Infinity { finite: true }),
        "labelflip" => Arc::new(LabelFlip),
        "backdoor" => {
            let trigger = Trigger { target: part.get("target", 0, 0..=255)?, value: 1.0 };
            Arc::new(Backdoor { trigger, boost: positive(part, "boost", 2.0)? })
        }
        "flood" => Arc::new(Flood { times: part.get("times", 10, 1..=1000)? }),
        "freerider" => Arc::new(FreeRider { noise: positive(part, "noise", 0.001)? }),
        "copier" => Arc::new(Copier),
        // What the names say, or what is told besides.
        _ => return around(part, Arc::new(SignFlip { scale: 1.0 })),
    })
}

/// An attack in the manner of this part.
fn around(part: &Call<'_>, attack: Arc<dyn Attack>) -> Result<Arc<dyn Attack>, NameError> {
    let named = part.find("attack", &NAMES)?;
    match named.name() {
        "eclipse" => Ok(Arc::new(Eclipse(attack))),
        "sybils" => Ok(Arc::new(Sybils { attack, names: part.get("names", 4, 1..=64)? })),
        whole => Err(NameError::Misplaced {
            name: whole.into(),
            known: list(NAMES.into_iter().filter(|one| one.form.contains('+'))),
        }),
    }
}

/// A positive number of at most a million.
fn positive(part: &Call<'_>, key: &str, default: f32) -> Result<f32, NameError> {
    part.get(key, default, (Bound::Excluded(0.0), Bound::Included(1e6)))
}
