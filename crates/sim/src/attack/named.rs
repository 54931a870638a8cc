//! Attacks by name, as in experiment files and on command lines: `alie:z=1.5`, `sybils:names=8+ipm:strength=2`.

use super::{
    Attack, Backdoor, Copier, Dissensus, Eclipse, Flood, Force, FreeRider, Gaussian, Infinity, InnerProduct,
    LabelFlip, LittleIsEnough, Mimic, SignFlip, Sybils, Trigger,
};
use std::{collections::BTreeMap, sync::Arc};
use thiserror::Error;

/// An attack that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// How it is written, with its settings at their defaults.
    pub form: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
}

impl Named {
    /// The name alone.
    pub fn name(&self) -> &'static str {
        self.form.split([':', '+']).next().unwrap_or(self.form)
    }
}

const NAMES: [Named; 17] = [
    Named { form: "signflip:scale=1", about: "the negated mean of the honest values" },
    Named {
        form: "ipm:strength=2",
        about: "back along the way of the honest mean (inner-product manipulation)",
    },
    Named { form: "ipm-optimal", about: "the same, as far as hurts the rule most" },
    Named { form: "alie:z=1.5", about: "the honest mean and z standard deviations (a little is enough)" },
    Named { form: "alie-optimal", about: "the same, as many as hurt the rule most" },
    Named { form: "mimic", about: "all liars repeat the honest node that stands out most" },
    Named { form: "dissensus:strength=1", about: "each receiver is pushed away from its neighbours" },
    Named { form: "gauss:sigma=10", about: "independent normal numbers" },
    Named { form: "infinity", about: "bytes that are no numbers; decoders refuse them" },
    Named { form: "huge", about: "finite numbers of 1e30" },
    Named { form: "labelflip", about: "honest work on rows with flipped labels" },
    Named {
        form: "backdoor:boost=2,target=0",
        about: "teaches a pattern of four corners, with an enlarged step",
    },
    Named {
        form: "flood:times=10",
        about: "false rows for the neighbours, so many times the own ones each round",
    },
    Named {
        form: "freerider:noise=0.001",
        about: "the mean of what was heard, a little changed, never trained",
    },
    Named { form: "copier", about: "the weights of an honest node under the own name" },
    Named { form: "sybils:names=4+signflip:scale=1", about: "any attack, each liar under so many names" },
    Named { form: "eclipse+signflip:scale=1", about: "any attack, and peer samplers are told only of liars" },
];

/// All attacks that have names.
pub fn names() -> impl Iterator<Item = Named> {
    NAMES.into_iter()
}

/// Text that names no attack.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnknownAttack {
    /// No attack has this name.
    #[error("no attack is named {name:?}; there are {}", list())]
    Name {
        /// The name.
        name: String,
    },
    /// A setting that the attack has not, or a value that makes no sense.
    #[error("cannot read {setting:?} of attack {form:?}: {expected}")]
    Setting {
        /// How the attack is written.
        form: &'static str,
        /// What was written.
        setting: String,
        /// What would do.
        expected: &'static str,
    },
}

fn list() -> String {
    NAMES.map(|one| format!("`{}`", one.name())).join(", ")
}

/// The attack of this name with these settings.
///
/// # Errors
/// No such name, or a setting that makes no sense; the error says what would do.
pub fn named(text: &str) -> Result<Arc<dyn Attack>, UnknownAttack> {
    let (head, rest) = text.split_once('+').map_or((text, None), |(head, rest)| (head, Some(rest)));
    let mut spec = Spec::read(head)?;
    let attack: Arc<dyn Attack> = match spec.form.name() {
        "signflip" => Arc::new(SignFlip { scale: spec.positive("scale", 1.0)? }),
        "ipm" => Arc::new(InnerProduct(Force::Fixed(spec.positive("strength", 2.0)?))),
        "ipm-optimal" => Arc::new(InnerProduct(Force::Optimal)),
        "alie" => Arc::new(LittleIsEnough(Force::Fixed(spec.positive("z", 1.5)?))),
        "alie-optimal" => Arc::new(LittleIsEnough(Force::Optimal)),
        "mimic" => Arc::new(Mimic),
        "dissensus" => Arc::new(Dissensus { strength: spec.positive("strength", 1.0)? }),
        "gauss" => Arc::new(Gaussian { sigma: spec.positive("sigma", 10.0)? }),
        "infinity" => Arc::new(Infinity { finite: false }),
        "huge" => Arc::new(Infinity { finite: true }),
        "labelflip" => Arc::new(LabelFlip),
        "backdoor" => {
            let trigger = Trigger { target: spec.whole("target", 0, 0..=255)?, value: 1.0 };
            Arc::new(Backdoor { trigger, boost: spec.positive("boost", 2.0)? })
        }
        "flood" => Arc::new(Flood { times: spec.whole("times", 10, 1..=1000)? as usize }),
        "freerider" => Arc::new(FreeRider { noise: spec.positive("noise", 0.001)? }),
        "copier" => Arc::new(Copier),
        "eclipse" => Arc::new(Eclipse(named(rest.unwrap_or("signflip"))?)),
        _ => {
            let names = spec.whole("names", 4, 1..=64)?;
            Arc::new(Sybils { attack: named(rest.unwrap_or("signflip"))?, names })
        }
    };
    let stray = spec.settings.pop_first().map(|(key, value)| format!("{key}={value}"));
    let behind =
        rest.filter(|_| !["sybils", "eclipse"].contains(&spec.form.name())).map(|rest| format!("+{rest}"));
    match stray.or(behind) {
        Some(setting) => Err(spec.wrong(setting, "it has no such setting")),
        None => Ok(attack),
    }
}

/// A name and its settings, taken one by one.
struct Spec {
    form: Named,
    settings: BTreeMap<String, String>,
}

impl Spec {
    fn read(text: &str) -> Result<Self, UnknownAttack> {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let form = NAMES.into_iter().find(|one| one.name() == name);
        let form = form.ok_or_else(|| UnknownAttack::Name { name: name.chars().take(80).collect() })?;
        let mut spec = Self { form, settings: BTreeMap::new() };
        for setting in settings.split(',').filter(|setting| !setting.is_empty()) {
            let fresh = setting
                .split_once('=')
                .is_some_and(|(key, value)| spec.settings.insert(key.into(), value.into()).is_none());
            if !fresh {
                return Err(spec.wrong(setting.into(), "settings are written `key=value`, each once"));
            }
        }
        Ok(spec)
    }

    fn wrong(&self, setting: String, expected: &'static str) -> UnknownAttack {
        UnknownAttack::Setting { form: self.form.form, setting, expected }
    }

    fn positive(&mut self, key: &str, default: f32) -> Result<f32, UnknownAttack> {
        let Some(text) = self.settings.remove(key) else { return Ok(default) };
        match text.parse() {
            Ok(value) if f32::is_finite(value) && value > 0.0 && value <= 1e6 => Ok(value),
            _ => Err(self.wrong(format!("{key}={text}"), "a positive number up to a million would do")),
        }
    }

    fn whole(
        &mut self,
        key: &str,
        default: u32,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<u32, UnknownAttack> {
        let Some(text) = self.settings.remove(key) else { return Ok(default) };
        match text.parse() {
            Ok(value) if range.contains(&value) => Ok(value),
            _ => Err(self.wrong(format!("{key}={text}"), "a small whole number would do")),
        }
    }
}
