//! What peers may draw in answers: a question of a few bytes is answered with a whole block.
//!
//! Each voter of the open height, and all others together, may draw [`RATE`] bytes a second, and up to a second's worth at
//! once. Names cost nothing, so strangers share one account: many of them get no more than one does, and take nothing from
//! voters. Whoever is not answered asks again, or somebody else.

use bitneuron_core::{NodeId, Time};
use std::{collections::BTreeMap, time::Duration};

/// Bytes a second for one account: a block of the largest size.
const RATE: u64 = 16 << 20;
/// How far ahead of its rate an account may be when it draws.
const BURST: Duration = Duration::from_secs(1);

/// When each account that has drawn will have paid; `None` is everybody who does not vote.
#[derive(Debug, Default)]
pub(super) struct Meter {
    paid: BTreeMap<Option<NodeId>, Time>,
}

impl Meter {
    /// Whether an answer of so many bytes may be sent now; it is then charged.
    pub(super) fn grants(&mut self, now: Time, account: Option<NodeId>, bytes: usize) -> bool {
        self.paid.retain(|_, paid| *paid > now);
        let paid = self.paid.get(&account).copied().unwrap_or(now);
        if paid.since(now) >= BURST {
            return false;
        }
        let micros = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(1_000_000) / RATE;
        self.paid.insert(account, paid.after(Duration::from_micros(micros)));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_draws_its_rate_and_others_their_own() {
        let mut meter = Meter::default();
        let voter = |n| Some(NodeId([n; 32]));
        let mut drawn = 0;
        for millis in 0..10_000 {
            drawn += u32::from(meter.grants(Time(millis * 1_000), voter(1), 4 << 20));
        }
        assert_eq!(drawn, 4 * 10 + 4, "16 MiB a second, and as much at once");
        assert!(meter.grants(Time(0), voter(2), 4 << 20));
        assert!(meter.grants(Time(0), None, 4 << 20));
        assert_eq!(meter.paid.len(), 3);
        assert!(meter.grants(Time(20_000_000), None, 0));
        assert!(meter.paid.len() == 1, "who has paid is forgotten");
    }
}
