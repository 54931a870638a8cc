//! Prints what a verdict is worth, by kind of claim, size and backend: the tables of the README.
//!
//! `cargo run -p bitneuron-zk --features sumcheck --example guarantees`
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use bitneuron_core::claim::{Holding, Inference, Score, Source, Turn, TurnInput};
use bitneuron_core::exact::programs::{Mlp, merge::MergeRule, step::Training};
use bitneuron_core::exact::{DataRoot, Tensor};
use bitneuron_core::goal::{Goal, Metric};
use bitneuron_core::{Commitment, Digest, Share};
use bitneuron_zk::backend::sumcheck::group::SCHEME;
use bitneuron_zk::backend::sumcheck::{Checker, Geometry};
use bitneuron_zk::{
    Assumption, Computation, Guarantees, Merkle, Optimistic, Replay, Settles, Verifier, ZeroKnowledge,
};
use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;

/// The sizes of models and how many rows they answer.
const MODELS: [(&[u32], u32); 3] = [(&[64, 10], 1), (&[64, 32, 10], 32), (&[784, 64, 10], 32)];

fn main() -> Result<(), Box<dyn Error>> {
    println!("{}\n{}", claims()?, groups()?);
    Ok(())
}

/// Guarantees by claim, size and backend; gas is what a check costs, 10 ns each.
pub(crate) fn claims() -> Result<String, Box<dyn Error>> {
    let mut table = String::from(
        "| claim | size | backend | soundness | zero knowledge | succinct | settles | gas |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (sizes, rows) in MODELS {
        let name = sizes.iter().map(u32::to_string).collect::<Vec<_>>().join("-");
        computation::<Inference>(
            &mut table,
            "`Inference`",
            &format!("{name}, {rows} row{}", if rows == 1 { "" } else { "s" }),
            &inference(sizes, rows)?,
        )?;
    }
    let sizes: &[u32] = &[64, 32, 10];
    let score = Score { goal: goal(sizes)?, model: commitment("model"), right: 300 };
    computation::<Score>(&mut table, "`Score`", "64-32-10, 360 rows", &score)?;
    for inputs in [0, 8] {
        let size = format!("64-32-10, {inputs} models merged, 4 steps of 32 rows");
        computation::<Turn>(&mut table, "`Turn`", &size, &turn(sizes, inputs)?)?;
    }
    for samples in [4, 16] {
        let size = format!("{samples} of 16 parts");
        line::<Holding>(&mut table, "`Holding`", &size, "`Merkle`", &Merkle, &holding(samples))?;
    }
    Ok(table)
}

/// The proven bits of opening groups, by their sizes and the number of limbs opened together.
pub(crate) fn groups() -> Result<String, Box<dyn Error>> {
    let mut table =
        String::from("| groups | cells of a limb | 4 limbs | 16 limbs | 64 limbs |\n|---|---|---|---|---|\n");
    let all = [Geometry::TINY, Geometry::SMALL, Geometry::MEDIUM, Geometry::LARGE];
    for (name, geometry) in ["TINY", "SMALL", "MEDIUM", "LARGE"].into_iter().zip(all) {
        write!(table, "| `Geometry::{name}` | {}", 1u32 << geometry.rows)?;
        for limbs in [2, 4, 6] {
            let bits = geometry
                .setup(limbs)
                .map_or_else(|_| "refused".into(), |setup| format!("{:.1}", setup.bits()));
            write!(table, " | {bits}")?;
        }
        table.push_str(" |\n");
    }
    Ok(table)
}

fn computation<S: Computation>(
    table: &mut String,
    claim: &str,
    size: &str,
    public: &S::Public,
) -> Result<(), Box<dyn Error>> {
    let sumcheck = Checker::new(Geometry::MEDIUM, Arc::default())?;
    line::<S>(table, claim, size, "`Replay`", &Replay::default(), public)?;
    line::<S>(table, claim, size, "`Optimistic`", &Optimistic::default(), public)?;
    line::<S>(table, claim, size, "`Sumcheck`", &sumcheck, public)
}

fn line<S: bitneuron_zk::Statement>(
    table: &mut String,
    claim: &str,
    size: &str,
    backend: &str,
    verifier: &dyn Verifier<S>,
    public: &S::Public,
) -> Result<(), Box<dyn Error>> {
    let Guarantees { soundness, zero_knowledge, succinct, settles, .. } = verifier.guarantees(public);
    let under = match soundness.under {
        Assumption::Replay => "work done again",
        Assumption::CollisionResistance => "collision resistance",
        Assumption::Proven => "proven",
        Assumption::DiscreteLogarithm => "discrete logarithm",
        Assumption::Economic => "economic",
        _ => "conjectured",
    };
    let zero_knowledge = match zero_knowledge {
        ZeroKnowledge::None => "none",
        ZeroKnowledge::HidingCommitments => "hiding commitments",
        ZeroKnowledge::Full => "full",
    };
    let settles = match settles {
        Settles::AtOnce => "at once".into(),
        Settles::After(heights) => format!("after {heights} heights"),
    };
    let (bits, succinct, gas) = (soundness.bits, if succinct { "yes" } else { "no" }, verifier.gas(public));
    writeln!(
        table,
        "| {claim} | {size} | {backend} | {bits} bits, {under} | {zero_knowledge} | {succinct} | {settles} | {gas} |"
    )?;
    Ok(())
}

fn commitment(name: &str) -> Commitment {
    // In a group of its own: what `Sumcheck` opens. Other backends do not ask.
    Commitment { scheme: SCHEME, root: Digest::of("bitneuron example of guarantees v1", name.as_bytes()) }
}

fn goal(sizes: &[u32]) -> Result<Goal, Box<dyn Error>> {
    let mlp = Mlp::new(sizes)?;
    let metric_set = root("metric set", 360, mlp.features());
    Ok(Goal {
        name: "guarantees".into(),
        initial: commitment("first model"),
        net: mlp.into(),
        metric: Metric::Accuracy,
        metric_set,
        drawn: 64,
        training: Training::default(),
        merge: MergeRule::default(),
        max_inputs: 8,
    })
}

fn root(name: &str, rows: u32, columns: u32) -> DataRoot {
    DataRoot { rows, columns, features: commitment(name), labels: commitment(&format!("{name}, labels")) }
}

fn inference(sizes: &[u32], rows: u32) -> Result<Inference, Box<dyn Error>> {
    let goal = goal(sizes)?;
    let zeros = |columns: u32| Tensor::new(&[rows, columns], vec![0; (rows * columns) as usize]);
    let (features, logits) = (zeros(goal.net.features())?, zeros(goal.net.outputs())?);
    let classes = Tensor::vector(vec![0; rows as usize]);
    Ok(Inference { goal, model: commitment("model"), features, classes, logits })
}

fn turn(sizes: &[u32], inputs: u32) -> Result<Turn, Box<dyn Error>> {
    let goal = goal(sizes)?;
    let input = |at: u32| TurnInput {
        source: Source::Deal(Digest::of("bitneuron example of guarantees v1", &at.to_le_bytes())),
        model: commitment(&format!("model {at}")),
        share: Share(1000),
    };
    Ok(Turn {
        before: commitment("before"),
        inputs: (0..inputs).map(input).collect(),
        data: root("data", 128, goal.net.features()),
        batch_seed: Digest::ZERO,
        score_seed: Digest::ZERO,
        after: commitment("after"),
        right_before: 30,
        right_after: 31,
        kept: vec![true; inputs as usize],
        goal,
    })
}

fn holding(samples: u32) -> Holding {
    let shape = vec![16 * Tensor::CHUNK as u32];
    Holding { tensor: commitment("held"), shape, challenge: Digest::ZERO, samples }
}
