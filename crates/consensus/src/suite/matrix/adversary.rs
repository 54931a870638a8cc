//! The adversaries of the matrix, by name.

/// Who plays against the honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Adversary {
    /// Nobody.
    None,
    /// Votes and proposes twice, both to all.
    Equivocator,
    /// Votes and proposes twice, one to each half.
    Split,
    /// Is honest for half of the heights, then as [`Adversary::Split`].
    Farmer,
    /// As [`Adversary::Split`], under three names.
    Splitter,
    /// Two engines with one key.
    Twins,
    /// Keeps its votes to itself and shows its proposals to one peer.
    Withholder,
    /// Says everything a second late.
    Late,
    /// Builds invalid blocks and votes for them.
    Invalid,
    /// Forgets what it precommitted.
    Amnesiac,
    /// Proposes when it is not its turn.
    Usurper,
    /// Votes in others' names.
    Forger,
    /// Repeats what others signed on another chain.
    Replayer,
    /// Votes under many names that have no vote.
    Strangers,
    /// Forges quorums of prevotes.
    Polka,
    /// Forges decisions.
    Decider,
    /// Garbles everything that it sends.
    Garbler,
    /// Loses its vote and rewrites the heights of its time.
    Ghost,
    /// More than a third of the weight: twins on both sides of a partition.
    TwinFork,
    /// More than a third of the weight: forgets, on the other side of a partition, what it precommitted.
    AmnesiaFork,
}

impl Adversary {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::None,
        Self::Equivocator,
        Self::Split,
        Self::Farmer,
        Self::Splitter,
        Self::Twins,
        Self::Withholder,
        Self::Late,
        Self::Invalid,
        Self::Amnesiac,
        Self::Usurper,
        Self::Forger,
        Self::Replayer,
        Self::Strangers,
        Self::Polka,
        Self::Decider,
        Self::Garbler,
        Self::Ghost,
        Self::TwinFork,
        Self::AmnesiaFork,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Equivocator => "equivocator",
            Self::Split => "split",
            Self::Farmer => "farmer",
            Self::Splitter => "splitter",
            Self::Twins => "twins",
            Self::Withholder => "withholder",
            Self::Late => "late",
            Self::Invalid => "invalid",
            Self::Amnesiac => "amnesiac",
            Self::Usurper => "usurper",
            Self::Forger => "forger",
            Self::Replayer => "replayer",
            Self::Strangers => "strangers",
            Self::Polka => "polka",
            Self::Decider => "decider",
            Self::Garbler => "garbler",
            Self::Ghost => "ghost",
            Self::TwinFork => "twin-fork",
            Self::AmnesiaFork => "amnesia-fork",
        }
    }

    /// Whether it holds more than a third of the weight.
    pub const fn forks(self) -> bool {
        matches!(self, Self::TwinFork | Self::AmnesiaFork)
    }

    /// Whether its votes contradict each other in one round.
    pub const fn votes_twice(self) -> bool {
        matches!(self, Self::Equivocator | Self::Split | Self::Farmer | Self::Splitter)
    }

    /// Under how many names it votes.
    pub(super) const fn names(self) -> usize {
        match self {
            Self::None => 0,
            Self::Splitter => 3,
            _ => 1,
        }
    }
}
