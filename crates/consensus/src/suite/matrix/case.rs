//! One case of the matrix, as a line of text.

use super::{
    super::{bugs::Bug, network::Plan},
    adversary::Adversary,
};
use bitneuron_core::Seed;
use std::{collections::BTreeSet, fmt, str::FromStr, time::Duration};

/// One run of the matrix. Equal cases give equal runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Who plays against the honest, on the last places.
    pub adversary: Adversary,
    /// Voters, the adversary's names among them.
    pub nodes: u64,
    /// Heights to decide at least; the chain goes on until it is calm and all have decided these.
    pub heights: u64,
    /// Whether all weigh the same.
    pub equal: bool,
    /// How many of 1,000 messages are lost until it is calm.
    pub loss: u64,
    /// How many of 1,000 messages take ten times as long until it is calm.
    pub strays: u64,
    /// How many of 1,000 messages arrive twice until it is calm.
    pub duplicates: u64,
    /// By how many milliseconds clocks may be ahead.
    pub skew: u64,
    /// By how many of 1,000 parts timers may run long.
    pub drift: u64,
    /// Partitions.
    pub cuts: u64,
    /// Crashes of honest nodes, which come back.
    pub crashes: u64,
    /// After how many heights the weights move on; 0 for never.
    pub rotate: u64,
    /// The mistake that honest nodes make.
    pub bug: Option<Bug>,
    /// Where all chance comes from.
    pub seed: u64,
}

/// Small numbers out of a seed.
pub(super) struct Draws(Seed, u64);

impl Draws {
    pub(super) fn new(seed: u64, label: &str) -> Self {
        Self(Seed::from_number(seed).derive(label), 0)
    }

    /// A number below `n`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.1 += 1;
        let [a, b, c, d, ..] = self.0.derive_number("draw", self.1).0;
        u64::from(u32::from_le_bytes([a, b, c, d])) % n.max(1)
    }

    /// A number below `n` once in `odds`, else 0.
    fn sometimes(&mut self, odds: u64, n: u64) -> u64 {
        let (happens, number) = (self.below(odds) == 0, self.below(n));
        if happens { number } else { 0 }
    }
}

impl Case {
    /// Four honest voters in fair weather.
    pub const fn fair(adversary: Adversary, seed: u64) -> Self {
        Self {
            adversary,
            nodes: 4,
            heights: 6,
            equal: false,
            loss: 0,
            strays: 0,
            duplicates: 0,
            skew: 0,
            drift: 0,
            cuts: 0,
            crashes: 0,
            rotate: 0,
            bug: None,
            seed,
        }
    }

    /// The case of a seed.
    pub fn drawn(adversary: Adversary, seed: u64) -> Self {
        let mut draws = Draws::new(seed, adversary.name());
        let crowd = draws.below(100) == 0;
        let case = Self {
            adversary,
            nodes: if crowd { 18 } else { 4 + draws.below(4) },
            heights: if crowd { 2 } else { 3 + draws.below(5) },
            equal: draws.below(3) == 0,
            loss: draws.sometimes(2, 200),
            strays: draws.sometimes(3, 200),
            duplicates: draws.sometimes(3, 300),
            skew: draws.sometimes(2, 500),
            drift: draws.sometimes(3, 200),
            cuts: draws.sometimes(2, 3),
            crashes: draws.sometimes(2, 3),
            rotate: draws.sometimes(4, 4),
            bug: None,
            seed,
        };
        case.settled()
    }

    /// The same with what its adversary needs or cannot have.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.equal |= self.rotate > 0;
        match self.adversary {
            // With three or six equal voters, two thirds are a whole number of them.
            Adversary::None if self.equal => self.nodes = self.nodes.div_ceil(3).max(1) * 3,
            Adversary::Splitter => {
                self.nodes = self.nodes.max(6);
                (self.equal, self.rotate) = (false, 0);
            }
            // One of five has no vote.
            Adversary::Ghost => {
                self.nodes = self.nodes.max(5);
                self.heights = self.heights.max(4);
                self.rotate = self.rotate.max(2);
            }
            adversary if adversary.forks() => {
                self.nodes = self.nodes.clamp(3, 7);
                (self.cuts, self.crashes, self.rotate) = (0, 0, 0);
            }
            _ => {}
        }
        let least = 3 + u64::from(self.adversary != Adversary::None && !self.adversary.forks());
        self.nodes = self.nodes.max(least);
        self.heights = self.heights.max(1);
        self.equal |= self.rotate > 0;
        self
    }

    /// Whether nothing but the adversary is bad.
    pub fn is_fair(&self) -> bool {
        let weather = [self.loss, self.strays, self.duplicates, self.cuts, self.crashes];
        weather.iter().all(|part| *part == 0)
    }

    /// The places of the adversary, its twin included.
    pub fn faulty(&self) -> BTreeSet<usize> {
        let nodes = self.nodes as usize;
        let mut places: BTreeSet<usize> = (nodes.saturating_sub(self.adversary.names())..nodes).collect();
        if self.has_twin() {
            places.insert(nodes);
        }
        places
    }

    fn has_twin(&self) -> bool {
        self.adversary == Adversary::Twins || self.adversary.forks()
    }

    /// The run's plan, but for what happens during it.
    pub fn plan(&self) -> Plan {
        let twins = if self.has_twin() { vec![self.nodes as usize - 1] } else { Vec::new() };
        Plan {
            weights: self.weights(),
            twins,
            loss: self.loss,
            strays: self.strays,
            duplicates: self.duplicates,
            skew: Duration::from_millis(self.skew),
            drift: self.drift,
            pace: Duration::from_millis(250),
            rotate: self.rotate,
            // Others go on, or whoever is behind at the end would hear of nothing.
            ..Plan::new(self.seed, u64::MAX)
        }
    }

    /// The adversary weighs less than a third together, or more where it is to fork.
    fn weights(&self) -> Vec<u64> {
        let names = self.adversary.names();
        let honest = self.nodes as usize - names;
        let mut draws = Draws::new(self.seed, "weights");
        let mut weights: Vec<u64> =
            (0..honest).map(|_| if self.equal { 10 } else { 10 + draws.below(31) }).collect();
        if self.adversary.forks() {
            let side = |first| weights.iter().skip(first).step_by(2).sum::<u64>();
            let (even, odd) = (side(0), side(1));
            weights.push((2 * even).saturating_sub(odd).max((2 * odd).saturating_sub(even)) + 1);
            return weights;
        }
        if self.equal {
            weights.resize(self.nodes as usize, 10);
        } else if names > 0 {
            // At most (Σ − 1)/2 beside honest Σ is less than a third of all.
            let most = (weights.iter().sum::<u64>() - 1) / 2;
            let share = 50 + draws.below(51);
            let part = most * share / 100 / names as u64;
            weights.extend(std::iter::repeat_n(part.max(1), names));
        }
        if self.adversary == Adversary::Ghost {
            // Whoever has the first place in the turn has no vote: the ghost at the second epoch.
            weights[0] = 0;
        }
        weights
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fair = Self::fair(self.adversary, self.seed);
        write!(f, "adversary={} nodes={} heights={}", self.adversary.name(), self.nodes, self.heights)?;
        if self.equal {
            f.write_str(" equal=1")?;
        }
        let numbers = self.numbers().into_iter().zip(fair.numbers());
        for ((name, value), _) in numbers.filter(|(own, fair)| own.1 != fair.1) {
            write!(f, " {name}={value}")?;
        }
        if let Some(bug) = self.bug {
            write!(f, " bug={bug}")?;
        }
        write!(f, " seed={}", self.seed)
    }
}

impl Case {
    fn numbers(&self) -> [(&'static str, u64); 8] {
        [
            ("loss", self.loss),
            ("strays", self.strays),
            ("duplicates", self.duplicates),
            ("skew", self.skew),
            ("drift", self.drift),
            ("cuts", self.cuts),
            ("crashes", self.crashes),
            ("rotate", self.rotate),
        ]
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut case = Self::fair(Adversary::None, 0);
        for word in line.split_whitespace() {
            let (name, value) = word.split_once('=').ok_or_else(|| format!("{word:?} is no name=value"))?;
            let number = || value.parse::<u64>().map_err(|error| format!("{word}: {error}"));
            let place = match name {
                "adversary" => {
                    let found = Adversary::ALL.into_iter().find(|adversary| adversary.name() == value);
                    case.adversary = found.ok_or_else(|| format!("there is no adversary {value:?}"))?;
                    continue;
                }
                "bug" => {
                    case.bug = Some(value.parse()?);
                    continue;
                }
                "equal" => {
                    case.equal = number()? > 0;
                    continue;
                }
                "nodes" => &mut case.nodes,
                "heights" => &mut case.heights,
                "loss" => &mut case.loss,
                "strays" => &mut case.strays,
                "duplicates" => &mut case.duplicates,
                "skew" => &mut case.skew,
                "drift" => &mut case.drift,
                "cuts" => &mut case.cuts,
                "crashes" => &mut case.crashes,
                "rotate" => &mut case.rotate,
                "seed" => &mut case.seed,
                _ => return Err(format!("{name:?} is nothing that a case has")),
            };
            *place = number()?;
        }
        if case.nodes > 64 || case.heights > 1_000 {
            return Err("at most 64 nodes and 1,000 heights".into());
        }
        Ok(case.settled())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_case() {
        for adversary in Adversary::ALL {
            for seed in 0..200 {
                let mut case = Case::drawn(adversary, seed);
                case.bug = (seed % 3 == 0).then_some(Bug::Lock);
                assert_eq!(case.to_string().parse::<Case>().as_ref(), Ok(&case), "{case}");
            }
        }
        for wrong in ["adversary=saint", "loss", "loss=much", "luck=3", "bug=none", "nodes=1000"] {
            assert!(wrong.parse::<Case>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_adversary_holds_less_than_a_third_or_is_to_fork() {
        for adversary in Adversary::ALL {
            for seed in 0..500 {
                let case = Case::drawn(adversary, seed);
                let weights = case.weights();
                assert_eq!(weights.len() as u64, case.nodes, "{case}");
                let total: u64 = weights.iter().sum();
                let heaviest: u64 = if case.equal && !adversary.forks() {
                    10 * adversary.names() as u64
                } else {
                    weights[weights.len() - adversary.names()..].iter().sum()
                };
                assert_eq!(3 * heaviest > total, adversary.forks(), "{case}: {weights:?}");
            }
        }
    }
}
