//! Lies about consecutive turns, proved as one.

use super::{Attempt, Class, Lies, but, forge, moved, with};
use crate::statements::batch::UNSTATED;
use crate::statements::{Chain, Several};
use crate::suite::Case;
use crate::suite::world::{bumped, run};
use crate::{Computation, Statement, TurnWitness};
use bitneuron_core::claim::Turn;
use bitneuron_core::exact::Tensor;
use bitneuron_core::{Context, Digest, Seed};

type Turns = Chain<Turn>;

/// Every lie about the chain `honest` of two turns that merge at least two models and step to different heads.
pub fn attempts(honest: &Case<Turns>) -> Vec<Attempt<Turns>> {
    let mut lies = Lies::new(honest.context);
    links(honest, &mut lies);
    order(honest, &mut lies);
    results(honest, &mut lies);
    witnesses(honest, &mut lies);
    shapes(honest, &mut lies);
    let mut attempts = lies.attempts;
    attempts.extend(others(honest));
    attempts
}

/// Links that nobody checks: what is between two turns is stated nowhere, or it is no chain.
fn links(honest: &Case<Turns>, lies: &mut Lies<Turns>) {
    let mut tell = |lie, change: &dyn Fn(&mut [Turn])| {
        lies.tell(lie, Class::Malformed, but(honest, |all| change(&mut all.parts)), &honest.witness);
    };
    tell("a second turn from the first head", &|turns| {
        if let [first, second] = turns {
            second.before = first.before;
        }
    });
    tell("a first turn to a head of its own", &|turns| {
        if let [first, second] = turns {
            first.after = second.after;
        }
    });
    tell("a stated head between the turns", &|turns| {
        if let [first, second] = turns {
            (first.after, second.before) = (first.before, first.before);
        }
    });
}

/// Turns in another order, or fewer of them.
fn order(honest: &Case<Turns>, lies: &mut Lies<Turns>) {
    let reversed = but(honest, |all| {
        let turns = all.parts.as_mut_slice();
        let (before, after) = (turns.first().map(|turn| turn.before), turns.last().map(|turn| turn.after));
        turns.reverse();
        if let [first, second] = turns {
            (first.before, first.after) = (before.unwrap_or(UNSTATED), UNSTATED);
            (second.before, second.after) = (UNSTATED, after.unwrap_or(UNSTATED));
        }
    });
    let carried = with(honest, |turns| {
        turns.reverse();
        if let [first, second] = turns.as_mut_slice() {
            std::mem::swap(&mut first.before, &mut second.before);
        }
    });
    lies.tell("turns exchanged", Class::False, reversed, &carried);
    let mut shorter = honest.public.clone();
    let last = shorter.parts.pop();
    shorter.parts.iter_mut().zip(last).for_each(|(first, last)| first.after = last.after);
    let fewer: Vec<TurnWitness> = honest.witness.iter().take(1).cloned().collect();
    lies.tell("a turn left out", Class::False, shorter, &fewer);
}

/// Right ingredients, wrong results; or the results of other ingredients.
fn results(honest: &Case<Turns>, lies: &mut Lies<Turns>) {
    if let ([first, ..], [own, ..]) = (honest.public.parts.as_slice(), honest.witness.as_slice()) {
        let between = run(first.relation().ok(), Turn::witness(own));
        let stale = but(honest, |all| {
            let head = between.first().map(Tensor::commitment);
            all.parts.iter_mut().skip(1).zip(head).for_each(|(last, head)| last.after = head);
        });
        lies.tell("the head between the turns as the last", Class::False, stale, &honest.witness);
    }
    let mut tell = |lie, change: &dyn Fn(&mut [Turn])| {
        lies.tell(lie, Class::False, but(honest, |all| change(&mut all.parts)), &honest.witness);
    };
    tell("no work done", &|turns| {
        if let [first, second] = turns {
            second.after = first.before;
        }
    });
    tell("a score in the middle one off", &|turns| {
        turns.iter_mut().take(1).for_each(|turn| turn.right_after ^= 1);
    });
    tell("a score at the end one off", &|turns| {
        turns.iter_mut().skip(1).for_each(|turn| turn.right_after ^= 1);
    });
    tell("a kept flag of the second turn flipped", &|turns| {
        let flags = turns.iter_mut().skip(1).flat_map(|turn| turn.kept.iter_mut().take(1));
        flags.for_each(|kept| *kept = !*kept);
    });
    let seeded = |place: usize, n: u64| {
        but(honest, |all| {
            all.parts.iter_mut().skip(place).take(1).for_each(|turn| {
                turn.batch_seed = Digest(Seed::from_number(n).0);
            });
        })
    };
    // Some draws give the same batches; the liar needs one that gives others.
    for (lie, place) in [("another batch seed in the middle", 0), ("another batch seed at the end", 1)] {
        let drawn = (0..64).map(|n| seeded(place, n)).find(|public| !Turns::holds(public, &honest.witness));
        if let Some(drawn) = drawn {
            lies.tell(lie, Class::False, drawn, &honest.witness);
        }
    }
}

/// The honest public part, proved from another witness.
fn witnesses(honest: &Case<Turns>, lies: &mut Lies<Turns>) {
    let mut tell = |lie, change: &dyn Fn(&mut TurnWitness)| {
        let other = with(honest, |turns| turns.iter_mut().for_each(change));
        lies.tell(lie, Class::Unrelated, honest.public.clone(), &other);
    };
    tell("another head before", &|turn| turn.before = bumped(&turn.before));
    tell("models in another order", &|turn| turn.models.swap(0, 1));
    tell("other data", &|turn| turn.data = super::turn::others(&turn.data));
}

/// Public parts that state nothing.
fn shapes(honest: &Case<Turns>, lies: &mut Lies<Turns>) {
    let mut tell = |lie, public| lies.tell(lie, Class::Malformed, public, &honest.witness);
    tell("a chain of nothing", Several { parts: Vec::new() });
    let mut many: Vec<Turn> = honest.public.parts.iter().cycle().take(65).cloned().collect();
    many.iter_mut().skip(1).for_each(|turn| turn.before = UNSTATED);
    many.iter_mut().take(64).for_each(|turn| turn.after = UNSTATED);
    tell("too many turns", Several { parts: many });
    tell("kept flags missing", but(honest, |all| all.parts.iter_mut().for_each(|turn| turn.kept.clear())));
}

/// Proofs of something else: of one turn, for a subject that is not the goal, in another place.
fn others(honest: &Case<Turns>) -> Vec<Attempt<Turns>> {
    let Case { context, public, witness } = honest;
    let whole = |context: &Context| forge::<Turns>(context, public, &Turns::witness(witness));
    let mut attempts = moved(*context, &whole(context), || public.clone());
    let mut show = |lie, context: Context, proof| {
        attempts.push(Attempt { lie, context, public: public.clone(), proof, class: Class::Unrelated });
    };
    let subject = Context { subject: Digest([1; 32]), ..*context };
    show("made for a subject that is not the goal", subject, whole(&subject));
    if let ([first, ..], [own, ..]) = (public.parts.as_slice(), witness.as_slice()) {
        show("the proof of one turn for both", *context, forge::<Turn>(context, first, &Turn::witness(own)));
    }
    attempts
}
