//! Who breaks the rules of the market, of the vote or of proofs.

use crate::unread::Unread;
use std::fmt;
use std::str::FromStr;

/// How many of each kind misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adversaries {
    /// Users that claim a better score than their model has.
    pub liars: u32,
    /// Users that deliver other bytes than they sold.
    pub swappers: u32,
    /// Users that sell a truthfully scored, sign-flipped model.
    pub flippers: u32,
    /// Validators that vote twice.
    pub equivocators: u32,
    /// Validators that never confirm what was delivered to them.
    pub silent: u32,
    /// Validators whose turns lead to another model than they should.
    pub forgers: u32,
    /// Validators that claim better scores than their turns have.
    pub boasters: u32,
    /// Validators that show proofs which others made.
    pub copycats: u32,
    /// Validators that answer no audit.
    pub truants: u32,
    /// Validators that show nobody the blocks they build.
    pub withholders: u32,
    /// Validators that are honest for half of the rounds and then vote twice.
    pub farmers: u32,
}

impl Default for Adversaries {
    /// One of each kind.
    fn default() -> Self {
        Self { liars: 1, swappers: 1, flippers: 1, equivocators: 1, ..Self::NONE }
    }
}

impl Adversaries {
    /// Nobody misbehaves.
    pub const NONE: Self = Self {
        liars: 0,
        swappers: 0,
        flippers: 0,
        equivocators: 0,
        silent: 0,
        forgers: 0,
        boasters: 0,
        copycats: 0,
        truants: 0,
        withholders: 0,
        farmers: 0,
    };

    /// Their kinds as on the command line, with how many there are of each: users first.
    pub const fn counts(&self) -> [(&'static str, u32); 11] {
        [
            ("liar", self.liars),
            ("swapper", self.swappers),
            ("flipper", self.flippers),
            ("equivocator", self.equivocators),
            ("silent", self.silent),
            ("forger", self.forgers),
            ("boaster", self.boasters),
            ("copycat", self.copycats),
            ("truant", self.truants),
            ("withholder", self.withholders),
            ("farmer", self.farmers),
        ]
    }

    pub(super) fn sum(counts: &[(&str, u32)]) -> u32 {
        counts.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

impl FromStr for Adversaries {
    type Err = Unread;

    fn from_str(text: &str) -> Result<Self, Unread> {
        let expected = "`none`, `default`, or a list as `liar:1,swapper:1,flipper:3,equivocator,silent`";
        let refuse = || Unread { text: text.into(), expected };
        match text {
            "none" => return Ok(Self::NONE),
            "default" => return Ok(Self::default()),
            _ => {}
        }
        let mut adversaries = Self::NONE;
        for part in text.split(',') {
            // A kind without a count is one of it.
            let (kind, count) = part.split_once(':').unwrap_or((part, "1"));
            let place = match kind {
                "liar" => &mut adversaries.liars,
                "swapper" => &mut adversaries.swappers,
                "flipper" => &mut adversaries.flippers,
                "equivocator" => &mut adversaries.equivocators,
                "silent" => &mut adversaries.silent,
                "forger" => &mut adversaries.forgers,
                "boaster" => &mut adversaries.boasters,
                "copycat" => &mut adversaries.copycats,
                "truant" => &mut adversaries.truants,
                "withholder" => &mut adversaries.withholders,
                "farmer" => &mut adversaries.farmers,
                _ => return Err(refuse()),
            };
            *place = count.parse().map_err(|_| refuse())?;
        }
        Ok(adversaries)
    }
}

impl fmt::Display for Adversaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("none");
        }
        // The first four always, so that a list is easily compared with the default; the others when there are some.
        for (at, (kind, count)) in self.counts().into_iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            if at < 4 || count > 0 {
                write!(f, "{comma}{kind}:{count}")?;
            }
        }
        Ok(())
    }
}
