//! Random transactions of all kinds, sensible or not.

use super::*;
use bitneuron_core::Bytes;
use bitneuron_ledger::govern::{Choice, Motion};
use bitneuron_ledger::{ContestAction, HEARD, Refutation};

/// Deterministic words.
pub struct Words(pub u64);

impl Words {
    pub fn next(&mut self) -> u64 {
        self.0 += 1;
        Digest::of("bitneuron ledger storm", &self.0.to_le_bytes()).to_u64()
    }

    /// What decides a transaction.
    pub fn pick(&mut self) -> (u8, u8, u8, u64) {
        let (word, amount) = (self.next(), self.next() >> 24);
        (word as u8, (word >> 8) as u8, (word >> 16) as u8, amount)
    }
}

/// What a stormy network tries: anything, by anybody, sensible or not.
pub fn anything(world: &mut World, pick: (u8, u8, u8, u64)) -> SignedTx {
    let (kind, a, b, amount) = pick;
    let (n, v) = (usize::from(a) % 4, usize::from(b) % 5);
    let deal = world.state.deals().nth(usize::from(b) % 3).map(|sale| sale.deal.clone());
    let seller = deal.as_ref().and_then(|deal| (0..4).find(|n| world.user(*n) == deal.seller));
    let buyer = deal.as_ref().and_then(|deal| (0..5).find(|v| world.validator(*v) == deal.buyer));
    match (kind % 23, deal, seller, buyer) {
        (0, ..) => {
            world.by_user(n, Action::Transfer { to: world.validator(v), amount: Amount(u128::from(amount)) })
        }
        (1, ..) => world.by_validator(v, Action::Bond(Amount(u128::from(amount % 1_000_000) * 1_000_000))),
        (2, ..) => world.by_validator(v, Action::Unbond(Amount(u128::from(amount % 100_000) * 1_000_000))),
        (3 | 4, ..) => world.offer(n, &format!("model {amount}"), 1 + (amount % 16) as u32, 1 + amount % 20),
        (5 | 6, ..) => world.bid(v, 1 + amount % 20, 1 + u32::from(a % 3)),
        (7, Some(deal), Some(seller), _) => {
            let proof = if a % 4 == 0 { FALSE } else { TRUE };
            let claim = world.score_claim(seller, &deal, deal.promise().expect("offer").2, proof);
            if a % 8 == 0 {
                return world.by_user(n, Action::Refute(Refutation::Claim(claim)));
            }
            world.by_user(n, Action::Claim(claim))
        }
        (8, Some(deal), _, Some(buyer)) => world.by_validator(buyer, Action::Receipt { deal: deal.id }),
        (9, Some(deal), Some(seller), _) => {
            world.by_user(seller, Action::Cancel(if a % 2 == 0 { deal.offer } else { deal.bid }))
        }
        (10, ..) => {
            let author = world.validator(v);
            match world.state.open_turn(author, world.goal_id()).is_some() {
                true => {
                    let turn = turn_of(world, v);
                    let claim = world.turn_claim(
                        v,
                        &turn,
                        (1, u32::from(a) % 9),
                        if a % 2 == 0 { TRUE } else { LATER },
                    );
                    world.by_validator(v, Action::Claim(claim))
                }
                false if world.state.turn_plan(author, world.goal_id()).is_some() => {
                    let turn = world.turn(v, &format!("{v}"));
                    world.commit(v, &turn)
                }
                false => world.by_validator(v, Action::Transfer { to: author, amount: Amount(3) }),
            }
        }
        (12 | 13, ..) if world.state.pending().next().is_some() => doubt_action(world, a, b),
        (14..=18, ..) => rarer(world, pick),
        (19..=22, ..) => public_action(world, pick),
        _ => {
            let stage = bitneuron_consensus::vote::Stage::Prevote;
            let vote = |block: &str| {
                let key = &world.validators[v];
                let height = world.state.height();
                let block = Some(digest(block));
                bitneuron_consensus::Vote { height, round: amount as u32, stage, block, by: key.id() }
                    .sign(key, world.state.chain())
            };
            // Few, else all stake is gone at once.
            if a > 3 {
                return world.by_user(n, Action::Transfer { to: world.user(0), amount: Amount(1) });
            }
            let evidence = bitneuron_consensus::Evidence::votes(vote("a"), vote("b")).expect("conflict");
            world.by_user(n, Action::Accuse(evidence))
        }
    }
}

/// What is tried less often in life.
fn rarer(world: &mut World, pick: (u8, u8, u8, u64)) -> SignedTx {
    let (kind, a, b, amount) = pick;
    let (n, v) = (usize::from(a) % 4, usize::from(b) % 5);
    let deal = world.state.deals().nth(usize::from(b) % 3).map(|sale| sale.deal.clone());
    let open = world.state.book().orders().next().map(|open| (open.id, open.order.by));
    match (kind % 23, deal, open) {
        (14, Some(deal), _) => {
            let seller = (0..4).find(|n| world.user(*n) == deal.seller).unwrap_or(n);
            let packet = Bytes(format!("model {}", amount % 1_000).into_bytes());
            world.by_user(seller, Action::Post { deal: deal.id, packet, base: None })
        }
        (15, Some(deal), _) => {
            let packet = Bytes(HOLLOW.as_bytes().to_vec());
            world.by_user(n, Action::Refute(Refutation::Packet { deal: deal.id, packet, base: None }))
        }
        (16, ..) => {
            let name = format!("goal {}", amount % 50);
            world.by_validator(v, Action::RegisterGoal(goal(&name)))
        }
        (18, _, Some((order, by))) => match (0..5).find(|v| world.validator(*v) == by) {
            Some(v) => world.by_validator(v, Action::Cancel(order)),
            None => world.by_user(n, Action::Cancel(order)),
        },
        (17, ..) if a.is_multiple_of(2) => {
            let rolls = world.state.attendance().rolls;
            let voters = [v, usize::from(b / 8) % 5];
            match rolls.get(usize::from(a / 2) % HEARD) {
                Some(roll) => world.by_user(n, world.precommits(roll, u32::from(a) % 2, &voters)),
                None => world.by_user(n, Action::Transfer { to: world.user(0), amount: Amount(2) }),
            }
        }
        _ => {
            let (goal, root) = (world.goal_id(), data(&format!("rows {}", amount % 20)));
            world.by_validator(v, Action::RegisterData { goal, root })
        }
    }
}

/// What holders, validators and examiners do in public matters.
fn public_action(world: &mut World, pick: (u8, u8, u8, u64)) -> SignedTx {
    let (kind, a, b, amount) = pick;
    let (n, v) = (usize::from(a) % 4, usize::from(b) % 5);
    let open = world.state.proposals().nth(usize::from(a) % 8).map(|(id, _)| id);
    match (kind % 23, open) {
        (19, _) => {
            let motion = match a % 3 {
                0 => Motion::Text(digest(&format!("text {amount}"))),
                1 => Motion::Listing { goal: world.goal_id(), listed: amount.is_multiple_of(2) },
                _ => Motion::Treasury { to: world.user(n), amount: Amount(u128::from(amount)) },
            };
            world.by_validator(v, Action::Propose(motion))
        }
        (20, Some(proposal)) => {
            let choice = if b.is_multiple_of(4) { Choice::Veto } else { Choice::Yes };
            world.by_validator(v, Action::Vote { proposal, choice })
        }
        // Seldom, for nothing is bought during a pause.
        (21, _) if a < 8 => world.by_validator(v, Action::CallPause),
        _ => {
            let (goal, digest) = (world.goal_id(), digest(&format!("shard {}", amount % 40)));
            let bond = Amount::tokens(10 + u64::from(b) / 16);
            let seal = ContestAction::Seal { seal: digest, bond };
            let step = if a.is_multiple_of(3) { ContestAction::Withdraw(digest) } else { seal };
            world.by_user(n, Action::Contest { goal, step })
        }
    }
}

/// What a storm says about pending turns.
fn doubt_action(world: &mut World, a: u8, b: u8) -> SignedTx {
    let count = world.state.pending().count();
    let (turn, pending) = world.state.pending().nth(usize::from(b) % count).expect("there is one");
    let asked = pending.dispute.as_ref().map(|dispute| dispute.asked);
    let steps =
        ["ask the author", "ask the challenger", "the author lied", "the challenger lied", "nonsense"];
    let step = Bytes(steps[usize::from(a) % steps.len()].as_bytes().to_vec());
    let author = (0..5).find(|v| world.validator(*v) == turn.author).expect("a validator");
    match asked {
        None if !a.is_multiple_of(3) => {
            let answer = Bytes(ANSWER.to_vec());
            world.by_user(usize::from(b) % 4, Action::Answer { turn, answer })
        }
        None => world.by_user(0, Action::Challenge { turn, step }),
        Some(id) if id == turn.author => world.by_validator(author, Action::Move { turn, step }),
        Some(_) => world.by_user(0, Action::Move { turn, step }),
    }
}

/// The turn that a storm commits to: its plan as the ledger recorded it.
fn turn_of(world: &World, v: usize) -> bitneuron_core::claim::Turn {
    let plan = world.state.open_turn(world.validator(v), world.goal_id()).expect("open").plan.clone();
    let mut plan = plan;
    plan.truncate(world.goal.max_inputs as usize);
    bitneuron_core::claim::Turn {
        goal: world.goal.clone(),
        before: plan.before,
        kept: vec![true; plan.inputs.len()],
        inputs: plan.turn_inputs(),
        data: data("own"),
        batch_seed: plan.batch_seed,
        score_seed: Digest::ZERO,
        after: model(&format!("{v}")),
        right_before: 0,
        right_after: 0,
    }
}
