//! Discovery: whom to ask for work, by what the ledger has seen of them.

use crate::State;
use bitneuron_core::class::Class;
use bitneuron_core::{NodeId, Reputation};
use std::cmp::Reverse;

impl State {
    /// Whom to ask for work of a class: so many of its pool ([`State::pool`]), the most reputed first, the heavier first
    /// among equals. Nobody is drawn here: who asks chooses, and needs an answer that proves itself or a committee.
    pub fn servers(&self, class: Class, most: usize) -> Vec<(NodeId, Reputation)> {
        let Some(pool) = self.pool(class) else { return Vec::new() };
        let mut servers: Vec<_> = pool
            .members()
            .iter()
            .map(|member| (self.reputation(member.id), member.weight, member.id))
            .collect();
        servers.sort_by_key(|(reputation, weight, id)| (Reverse(*reputation), Reverse(*weight), *id));
        servers.into_iter().take(most).map(|(reputation, _, id)| (id, reputation)).collect()
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::reputation::Channel;
    use crate::{Genesis, Params, Stake};
    use bitneuron_core::{Amount, Digest};

    const SERVERS: usize = 20;
    /// Queries of an epoch, and the price of each.
    const QUERIES: u64 = 400;
    const PRICE: Amount = Amount::tokens(10);

    fn id(n: usize) -> NodeId {
        NodeId(Digest::of("bitneuron server", &n.to_le_bytes()).0)
    }

    /// Servers with 1,000 to 2,000 tokens of stake, on a chain where reputation is as dear as on a busy one.
    fn chain(seed: u64) -> State {
        let mut validators: Vec<_> =
            (0..SERVERS).map(|n| (id(n), Amount::tokens(1_000 + word(seed, 7, n as u64) % 1_000))).collect();
        validators.sort_unstable();
        let (name, params) = ("servers".into(), Params::devnet());
        let (accounts, goals, data) = (Vec::new(), Vec::new(), Vec::new());
        let genesis =
            Genesis { name, time: 0, params, accounts, validators, grants: Vec::new(), goals, data };
        State::genesis(&genesis).expect("valid")
    }

    fn word(seed: u64, kind: u64, n: u64) -> u64 {
        let bytes = [seed.to_le_bytes(), kind.to_le_bytes(), n.to_le_bytes()].concat();
        Digest::of("bitneuron discovery", &bytes).to_u64()
    }

    /// One chain: how many of its queries, after the first eighth of its epochs, found the best server among the first three.
    fn found(seed: u64, epochs: u64) -> (u64, u64) {
        let mut state = chain(seed);
        // How many of a thousand queries each answers well and in time: 800 to 999, unknown to the ledger.
        let quality = |n: usize| 800 + word(seed, 1, n as u64) % 200;
        let best = (0..SERVERS).max_by_key(|n| (quality(*n), Reverse(*n))).expect("some");
        let (mut hits, mut queries) = (0, 0);
        for epoch in 0..epochs {
            let first: Vec<NodeId> = state.servers(Class::Bulk, 3).into_iter().map(|(id, _)| id).collect();
            for query in 0..QUERIES {
                let at = epoch * QUERIES + query;
                // Half of the clients try somebody at random, the other half asks one of the first three.
                let pick =
                    |kind, of: usize| usize::try_from(word(seed, kind, at) % of as u64).expect("small");
                let asked = if pick(2, 2) == 0 {
                    pick(3, SERVERS)
                } else {
                    let chosen = first[pick(4, 3)];
                    (0..SERVERS).find(|n| id(*n) == chosen).expect("a server")
                };
                let kept = state.params.market.deals.split.divide(PRICE).treasury;
                if word(seed, 5, at) % 1_000 < quality(asked) {
                    state.gain(id(asked), Channel::Answers, kept);
                    state.with_standing(id(asked), |standing| standing.end_well(kept));
                } else {
                    state.blame_late_deal(id(asked), PRICE);
                }
                if epoch >= epochs / 8 {
                    queries += 1;
                    hits += u64::from(first.contains(&id(best)));
                }
            }
            state.fade();
        }
        (hits, queries)
    }

    #[test]
    fn the_first_three_hold_the_best_server_in_nearly_all_queries() {
        let (mut hits, mut queries) = (0, 0);
        for seed in 0..20 {
            let (hit, query) = found(seed, 200);
            (hits, queries) = (hits + hit, queries + query);
        }
        println!("the first three held the best server in {hits} of {queries} queries");
        assert!(hits * 100 >= queries * 95, "{hits} of {queries}");
    }

    #[test]
    fn who_is_in_jail_is_not_asked_and_equals_are_asked_by_weight() {
        let mut state = chain(1);
        let heaviest = state.servers(Class::Bulk, 1)[0].0;
        assert!(state.stakes().all(|(_, stake)| stake.bonded <= state.stakes[&heaviest].bonded));
        let jailed = Stake { tombstoned: true, ..state.stakes[&heaviest].clone() };
        state.put_stake(heaviest, jailed);
        assert_eq!(state.servers(Class::Bulk, 99).len(), SERVERS - 1);
        state.gain(id(5), Channel::Answers, Amount::TOKEN);
        assert_eq!(state.servers(Class::Bulk, 1)[0].0, id(5));
    }
}
