//! A chain on which much happens, with a certificate for each block.

use crate::world::*;
use bitneuron_consensus::{Block, Certificate};
use bitneuron_core::Amount;
use bitneuron_ledger::store::{Archive, Decided, Store, StoreError};
use bitneuron_ledger::{Action, Genesis, State};

/// One height: a block, its certificate and the state after it.
pub(crate) struct Height {
    pub(crate) block: Block,
    pub(crate) certificate: Certificate,
    pub(crate) state: State,
}

impl Height {
    pub(crate) fn decided(&self) -> Decided<'_> {
        Decided { block: &self.block, certificate: &self.certificate, state: &self.state }
    }
}

/// Deals, turns and transfers, an epoch's end among them.
pub(crate) fn played() -> (Genesis, Vec<Height>) {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    world.settle(0, 1, &deal);
    world.play(1, "after", (3, 6));
    let pays: Vec<_> =
        (0..4).map(|n| (n, Action::Transfer { to: world.user((n + 1) % 4), amount: Amount(5) })).collect();
    let pays: Vec<_> = pays.into_iter().map(|(n, pay)| world.by_user(n, pay)).collect();
    world.block(&pays);
    world.deal(2, 1, "left open", 10);
    let pay = world.by_user(3, Action::Transfer { to: world.user(0), amount: Amount::tokens(1) });
    world.block(&[pay]);
    let mut state = State::genesis(&world.genesis).expect("valid");
    let heights = world.blocks.iter().map(|block| {
        state = state.execute(block, &Scripted).expect("valid").0;
        let certificate =
            Certificate { height: block.header.height, round: 0, block: block.id(), votes: Vec::new() };
        Height { block: block.clone(), certificate, state: state.clone() }
    });
    let heights = heights.collect();
    (world.genesis, heights)
}

/// An archive of these heights.
pub(crate) fn kept<S: Store>(
    store: S,
    genesis: &Genesis,
    heights: &[Height],
) -> Result<Archive<S>, StoreError> {
    let mut archive = Archive::open(store, genesis)?.0;
    heights.iter().try_for_each(|height| archive.commit(&height.decided()))?;
    Ok(archive)
}

/// Whether two states are the same in all that follows from them.
pub(crate) fn same(one: &State, other: &State) {
    assert_eq!((one.root(), one.tip(), one.clock()), (other.root(), other.tip(), other.clock()));
    assert_eq!((one.total(), one.pools()), (Amount::SUPPLY, other.pools()));
    assert!(one.deals().eq(other.deals()) && one.goals().eq(other.goals()));
    assert!(one.book().orders().eq(other.book().orders()));
    assert_eq!(one.beacon(one.height()), other.beacon(other.height()));
}
