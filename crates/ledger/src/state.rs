//! The state: everything that is agreed, under one root.

use crate::Receipt;
use crate::account::Pools;
use crate::attendance::Attendance;
use crate::contest::Contests;
use crate::deal::Sale;
use crate::electorate::Seats;
use crate::entry::{Change, bytes_of, key_of};
use crate::goal::{GoalEntry, Head};
use crate::govern::{Ballot, Docket, Pause, Proposal, ProposalId};
use crate::key::section;
use crate::opened::Opened;
use crate::order::OrderEntry;
use crate::penalty::Misdeed;
use crate::pending::{PendingTurn, TurnId};
use crate::plan::Frozen;
use crate::reputation::Standing;
use crate::section::{Part, Section};
use crate::stake::Stake;
use crate::tally::Tally;
use crate::tree::{EntryProof, Tree};
use crate::turn::OpenTurn;
use crate::vesting::{Holder, Lock};
use crate::{Genesis, Params, Refused};
use bitneuron_consensus::chance::{first_seed, next_beacon};
use bitneuron_core::exact::DataRoot;
use bitneuron_core::{Amount, ChainId, Digest, Epoch, GoalId, Height, NodeId, Time};
use bitneuron_market::{DataMarket, Open, OrderId, Orderbook as _, PriceTime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many beacons and roots of receipts are kept.
pub(crate) const BEACONS: u64 = 64;

/// Where the chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The height of the last block.
    pub height: Height,
    /// Its time.
    pub time: Time,
    /// What one gas costs in the next block.
    pub base_fee: Amount,
    /// The beacon at which the last round opened for turns.
    pub opened: Digest,
    /// The outputs decided in this epoch, folded; the seed of the next follows from them.
    pub folded: Digest,
}

/// What the order book says about itself in the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BookEntry {
    /// Its root.
    pub(crate) root: Digest,
    /// How many orders were ever placed.
    pub(crate) placed: u64,
}

/// What the last block did, for whoever keeps the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// What it did to entries, each once.
    pub entries: Vec<Change>,
    /// What each transaction did, and the block by itself.
    pub receipts: Vec<Receipt>,
}

/// The state after a block. Copies are cheap: they share what they do not change.
///
/// There is one way from a state to the next, [`State::execute`]. Everything but the last block's id, which commits to the root,
/// is under [`State::root`].
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) params: Arc<Params>,
    pub(crate) chain: ChainId,
    pub(crate) tip: Digest,
    pub(crate) clock: Clock,
    pub(crate) pools: Pools,
    pub(crate) tally: Tally,
    pub(crate) accounts: Section<NodeId, Amount>,
    pub(crate) escrows: Section<OrderId, Amount>,
    pub(crate) grants: Section<(Lock, Holder), Amount>,
    pub(crate) stakes: Section<NodeId, Stake>,
    pub(crate) standings: Section<NodeId, Standing>,
    pub(crate) goals: Section<GoalId, GoalEntry>,
    /// The first height at which a turn on the data may be committed.
    pub(crate) data: Section<(GoalId, NodeId, DataRoot), Height>,
    pub(crate) heads: Section<(GoalId, NodeId), Head>,
    pub(crate) book: Arc<PriceTime<DataMarket>>,
    /// What the book lists, as entries: where orders stand, and what the open ones say.
    pub(crate) orders: Section<OrderId, OrderEntry>,
    pub(crate) terms: Section<OrderId, Open<DataMarket>>,
    pub(crate) deals: Section<Digest, Sale>,
    pub(crate) turns: Section<(NodeId, GoalId), OpenTurn>,
    pub(crate) frozen: Section<(GoalId, NodeId), Frozen>,
    pub(crate) beacons: Section<Height, Digest>,
    pub(crate) electorates: Section<Epoch, Seats>,
    pub(crate) attendance: Section<(), Attendance>,
    pub(crate) misdeeds: Section<Digest, Misdeed>,
    /// Accepted transactions that have not expired, by the height at which they do: what [`Self::accepted`] lists.
    pub(crate) seen: Section<(Height, Digest), ()>,
    /// The same as entries: one for what a block accepted of one expiry, not one for each transaction.
    pub(crate) accepted: Section<(Height, Height), Vec<Digest>>,
    pub(crate) pending: Section<TurnId, PendingTurn>,
    /// Groups of hiding commitments, by their names.
    pub(crate) opened: Section<Digest, Opened>,
    pub(crate) contests: Contests,
    /// The roots over the receipts of the last blocks.
    pub(crate) receipts: Section<Height, Digest>,
    pub(crate) docket: Section<(), Docket>,
    pub(crate) proposals: Section<ProposalId, Proposal>,
    pub(crate) ballots: Section<(ProposalId, NodeId), Ballot>,
    /// What nodes could vote with at the beginning of an epoch, where it has changed since.
    pub(crate) holdings: Section<(Epoch, NodeId), Amount>,
    pub(crate) pause: Section<(), Pause>,
    pub(crate) tree: Tree,
    pub(crate) changes: Arc<Changes>,
}

impl State {
    /// The state before the first block.
    ///
    /// # Errors
    /// The genesis contradicts itself or its parameters are out of bounds.
    pub fn genesis(genesis: &Genesis) -> Result<Self, Refused> {
        genesis.validate()?;
        let mut state = Self::empty(genesis)?;
        state.fill(genesis)?;
        state.seat_founders();
        state.beacons.set(Height(0), next_beacon(Digest::ZERO, state.chain.0));
        state.elect(Epoch(0));
        state.elect(Epoch(1));
        state.seed(Epoch(0), first_seed(state.chain));
        state.seal(Vec::new())?;
        Ok(state)
    }

    /// A state without entries in its sections.
    pub(crate) fn empty(genesis: &Genesis) -> Result<Self, Refused> {
        let params = Arc::new(genesis.params.clone());
        let chain = genesis.chain();
        let pools = Pools { treasury: genesis.treasury()?, rewards: params.rewards.pool, ..Pools::default() };
        let (base_fee, opened) = (params.fees.floor, Digest::ZERO);
        let book = PriceTime::new(params.market).map_err(|_| Refused::Params("the market's own bounds"))?;
        Ok(Self {
            params,
            chain,
            tip: Digest::ZERO,
            clock: Clock { height: Height(0), time: Time::ZERO, base_fee, opened, folded: Digest::ZERO },
            pools,
            tally: Tally::first(),
            accounts: Section::default(),
            escrows: Section::default(),
            grants: Section::default(),
            stakes: Section::default(),
            standings: Section::default(),
            goals: Section::default(),
            data: Section::default(),
            heads: Section::default(),
            book: Arc::new(book),
            orders: Section::default(),
            terms: Section::default(),
            deals: Section::default(),
            turns: Section::default(),
            frozen: Section::default(),
            beacons: Section::default(),
            electorates: Section::default(),
            attendance: Section::default(),
            misdeeds: Section::default(),
            seen: Section::default(),
            accepted: Section::default(),
            pending: Section::default(),
            opened: Section::default(),
            contests: Contests::default(),
            receipts: Section::default(),
            docket: Section::default(),
            proposals: Section::default(),
            ballots: Section::default(),
            holdings: Section::default(),
            pause: Section::default(),
            tree: Tree::default(),
            changes: Arc::default(),
        })
    }

    fn fill(&mut self, genesis: &Genesis) -> Result<(), Refused> {
        self.accounts.extend(genesis.accounts.iter().copied());
        for (id, bonded) in &genesis.validators {
            self.stakes.set(*id, Stake { bonded: *bonded, ..Stake::default() });
        }
        for (owner, granted) in genesis.granted()? {
            self.add_grant(Lock::Vesting, Holder::Account(owner), granted)?;
        }
        self.add_grant(Lock::Vesting, Holder::Treasury, self.pools.treasury)?;
        for goal in &genesis.goals {
            let id = goal.id();
            self.goals.set(id, GoalEntry { goal: goal.clone(), listed: true });
            for (author, _) in &genesis.validators {
                self.heads.set((id, *author), Head::first(goal));
            }
        }
        let data = genesis.data.iter().map(|(goal, author, root)| ((*goal, *author, *root), Height(0)));
        self.data.extend(data);
        Ok(())
    }

    /// The sections with their numbers; clock, pools, tally, parameters and book are entries of their own ([`Self::singles`]).
    pub(crate) fn sections(&self) -> Vec<(u8, &dyn Part)> {
        let contests = self.contests.sections().into_iter();
        let others: [(u8, &dyn Part); 26] = [
            (section::ACCOUNTS, &self.accounts),
            (section::ESCROWS, &self.escrows),
            (section::STAKES, &self.stakes),
            (section::STANDINGS, &self.standings),
            (section::GOALS, &self.goals),
            (section::DATA, &self.data),
            (section::HEADS, &self.heads),
            (section::DEALS, &self.deals),
            (section::TURNS, &self.turns),
            (section::FROZEN, &self.frozen),
            (section::BEACONS, &self.beacons),
            (section::ELECTORATES, &self.electorates),
            (section::ATTENDANCE, &self.attendance),
            (section::MISDEEDS, &self.misdeeds),
            (section::ACCEPTED, &self.accepted),
            (section::PENDING, &self.pending),
            (section::ORDERS, &self.orders),
            (section::RECEIPTS, &self.receipts),
            (section::OPENED, &self.opened),
            (section::DOCKET, &self.docket),
            (section::PROPOSALS, &self.proposals),
            (section::BALLOTS, &self.ballots),
            (section::HOLDINGS, &self.holdings),
            (section::PAUSE, &self.pause),
            (section::TERMS, &self.terms),
            (section::GRANTS, &self.grants),
        ];
        others.into_iter().chain(contests).collect()
    }

    pub(crate) fn sections_mut(&mut self) -> Vec<(u8, &mut dyn Part)> {
        let contests = self.contests.sections_mut().into_iter();
        let others: [(u8, &mut dyn Part); 26] = [
            (section::ACCOUNTS, &mut self.accounts),
            (section::ESCROWS, &mut self.escrows),
            (section::STAKES, &mut self.stakes),
            (section::STANDINGS, &mut self.standings),
            (section::GOALS, &mut self.goals),
            (section::DATA, &mut self.data),
            (section::HEADS, &mut self.heads),
            (section::DEALS, &mut self.deals),
            (section::TURNS, &mut self.turns),
            (section::FROZEN, &mut self.frozen),
            (section::BEACONS, &mut self.beacons),
            (section::ELECTORATES, &mut self.electorates),
            (section::ATTENDANCE, &mut self.attendance),
            (section::MISDEEDS, &mut self.misdeeds),
            (section::ACCEPTED, &mut self.accepted),
            (section::PENDING, &mut self.pending),
            (section::ORDERS, &mut self.orders),
            (section::RECEIPTS, &mut self.receipts),
            (section::OPENED, &mut self.opened),
            (section::DOCKET, &mut self.docket),
            (section::PROPOSALS, &mut self.proposals),
            (section::BALLOTS, &mut self.ballots),
            (section::HOLDINGS, &mut self.holdings),
            (section::PAUSE, &mut self.pause),
            (section::TERMS, &mut self.terms),
            (section::GRANTS, &mut self.grants),
        ];
        others.into_iter().chain(contests).collect()
    }

    /// The entries that stand alone in their sections.
    pub(crate) fn singles(&self) -> [(u8, Vec<u8>); 5] {
        [
            (section::CLOCK, bytes_of(&self.clock)),
            (section::POOLS, bytes_of(&self.pools)),
            (section::TALLY, bytes_of(&self.tally)),
            (section::PARAMS, bytes_of(self.params.as_ref())),
            (section::BOOK, bytes_of(&BookEntry { root: self.book.root(), placed: self.book.placed() })),
        ]
    }

    /// Takes what has changed into the tree: the end of a block, after which the root is that of this state.
    pub(crate) fn seal(&mut self, receipts: Vec<Receipt>) -> Result<(), Refused> {
        self.list_accepted();
        for (id, listed) in Arc::make_mut(&mut self.book).take_changes() {
            self.list(id, listed);
        }
        let mut entries: Vec<Change> = self
            .singles()
            .into_iter()
            .map(|(section, value)| Change { key: key_of(section, &()), value: Some(value) })
            .collect();
        self.sections_mut().into_iter().for_each(|(number, part)| part.take_changes(number, &mut entries));
        self.tree.update(&entries)?;
        self.changes = Arc::new(Changes { entries, receipts });
        Ok(())
    }

    fn list_accepted(&mut self) {
        let (now, mut lists) = (self.clock.height, BTreeMap::<Height, Vec<Digest>>::new());
        for (expires, digest) in self.seen.take_touched() {
            if self.seen.contains_key(&(expires, digest)) {
                lists.entry(expires).or_default().push(digest);
            }
        }
        self.accepted.extend(lists.into_iter().map(|(expires, list)| ((expires, now), list)));
        self.accepted.prune_front(|(expires, _)| *expires >= now);
    }

    /// What the last block did.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Begins something that can be taken back with [`Self::undo`], as long as the book has not changed.
    pub(crate) fn begin(&mut self) -> (Pools, Tally) {
        self.seen.mark();
        self.sections_mut().into_iter().for_each(|(_, part)| part.mark());
        (self.pools, self.tally)
    }

    /// Takes back what has changed since [`Self::begin`], which gave these.
    pub(crate) fn undo(&mut self, (pools, tally): (Pools, Tally)) {
        self.seen.undo();
        self.sections_mut().into_iter().for_each(|(_, part)| part.undo());
        (self.pools, self.tally) = (pools, tally);
    }

    /// The root that commits to the whole state after the last block.
    pub fn root(&self) -> Digest {
        self.tree.root()
    }

    /// The value of an entry in its canonical encoding, by its key ([`crate::key`]); `None` when there is none.
    pub fn value(&self, key: &[u8]) -> Option<Vec<u8>> {
        let (number, name) = key.split_first()?;
        let single = self.singles().into_iter().find(|(section, _)| section == number);
        match single {
            Some((number, value)) => (key == key_of(number, &())).then_some(value),
            None => self.sections().into_iter().find(|(section, _)| section == number)?.1.value(name),
        }
    }

    /// Proves what [`Self::root`] says about a key: its value, or that there is none.
    pub fn prove(&self, key: &[u8]) -> EntryProof {
        self.tree.prove(key, self.value(key))
    }

    /// The parameters by which the next block is built.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The chain.
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// The id of the last block; [`Digest::ZERO`] before the first.
    pub fn tip(&self) -> Digest {
        self.tip
    }

    /// Height, time and base fee.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The height of the last block.
    pub fn height(&self) -> Height {
        self.clock.height
    }

    /// Tokens that belong to nobody in particular.
    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    /// The balance of an account, locked or not ([`Self::spendable`] says what it can pay).
    pub fn balance(&self, id: NodeId) -> Amount {
        self.accounts.get(&id).copied().unwrap_or_default()
    }

    /// All accounts with a balance, by name.
    pub fn accounts(&self) -> impl Iterator<Item = (NodeId, Amount)> {
        self.accounts.iter().map(|(id, amount)| (*id, *amount))
    }

    /// What an order holds in escrow.
    pub fn escrow(&self, order: OrderId) -> Amount {
        self.escrows.get(&order).copied().unwrap_or_default()
    }

    /// The stake of a node.
    pub fn stake(&self, id: NodeId) -> Option<&Stake> {
        self.stakes.get(&id)
    }

    /// A goal.
    pub fn goal(&self, id: GoalId) -> Option<&GoalEntry> {
        self.goals.get(&id)
    }

    /// All goals, by id.
    pub fn goals(&self) -> impl Iterator<Item = (GoalId, &GoalEntry)> {
        self.goals.iter().map(|(id, entry)| (*id, entry))
    }

    /// The data market's orders and open deals.
    pub fn book(&self) -> &PriceTime<DataMarket> {
        &self.book
    }

    /// The beacon of a recent height, the last one included.
    pub fn beacon(&self, height: Height) -> Option<Digest> {
        self.beacons.get(&height).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_kinds_of_entries_share_a_number() {
        let genesis = crate::Genesis {
            name: "numbers".into(),
            time: 0,
            params: Params::devnet(),
            accounts: Vec::new(),
            grants: vec![],
            validators: vec![(NodeId([1; 32]), Amount::tokens(2_000))],
            goals: Vec::new(),
            data: Vec::new(),
        };
        let mut state = State::genesis(&genesis).expect("valid");
        let mut numbers: Vec<u8> = state.sections().into_iter().map(|(number, _)| number).collect();
        assert!(state.sections_mut().iter().map(|(number, _)| number).eq(&numbers), "in one order");
        numbers.extend(state.singles().iter().map(|(number, _)| number));
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), all);
    }
}
