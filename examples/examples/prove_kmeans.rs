//! A statement of one's own: one step of k-means on hidden points, proved and checked with no change in the library.
//!
//! Lloyd's algorithm assigns each point to the nearest centre and moves each centre to the mean of its points. Whoever holds
//! the points states which centres come out; everybody checks it. A second statement, with one coordinate moved, is refused.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example prove_kmeans
//! ```
#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use bitneuron::core::exact::{
    Binding, Builder, Comparison, Interval, Op, Program, ProgramError, Relation, Tensor, execute,
};
use bitneuron::core::{ChainId, Commitment, Context, Digest, Height, Keypair, Seed, Wire};
use bitneuron::zk::liar::forge;
use bitneuron::zk::{Computation, Prover, Replay, Statement, StatementError, Verifier, recomputes};
use serde::{Deserialize, Serialize};
use std::error::Error;

/// Coordinates lie within ±this.
const REACH: i64 = 1000;

/// "One step on the committed points leads from these centres to those."
#[derive(Debug, Clone, Serialize, Deserialize)]
struct KMeans {
    points: Commitment,
    /// The number of points.
    count: u32,
    /// Centres before and after, `[centres, 2]` each.
    before: Tensor,
    after: Tensor,
}

impl Wire for KMeans {
    const LIMIT: usize = 4096;
}

impl Statement for KMeans {
    const DOMAIN: &'static str = "example k-means step v1";
    type Public = Self;
    type Witness = Tensor;

    fn holds(public: &Self, points: &Tensor) -> bool {
        recomputes::<Self>(public, points)
    }
}

impl Computation for KMeans {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        // The public part comes from others: sizes are refused before anything is built.
        let [centres, 2] = *public.before.shape() else {
            return Err(StatementError::Malformed("centres lie in the plane".into()));
        };
        if public.count > 10_000 || centres == 0 || centres > 64 {
            return Err(StatementError::TooLarge { what: "points or centres", limit: 10_000 });
        }
        Ok(Relation {
            program: program(public.count, centres)?,
            inputs: vec![Binding::Committed(public.points), Binding::Public(public.before.clone())],
            outputs: vec![Binding::Public(public.after.clone())],
        })
    }

    fn witness(points: &Tensor) -> Vec<&Tensor> {
        vec![points]
    }
}

/// Inputs: points `[points, 2]`, centres `[centres, 2]`. Output: the centres after one step; one without points goes to the
/// origin.
fn program(points: u32, centres: u32) -> Result<Program, ProgramError> {
    let mut b = Builder::new();
    let x = b.input(&[points, 2], Interval::symmetric(REACH))?;
    let c = b.input(&[centres, 2], Interval::symmetric(REACH))?;
    // The nearest centre has the least |x − c|², hence the greatest 2·x·c − |c|².
    let product = b.einsum("nd,kd->nk", x, c)?;
    let twice = b.scale(product, 2)?;
    let squares = b.einsum("kd,kd->k", c, c)?;
    let closeness = b.sub(twice, squares)?;
    let nearest = b.op(Op::Argmax(closeness))?;
    let nearest = b.reshape(nearest, &[points, 1])?;
    let all = b.constant(Tensor::vector((0..i64::from(centres)).collect()))?;
    let member = b.compare(nearest, Comparison::Equal, all)?;
    // Means: sums over the members divided by their number, rounded to nearest.
    let sums = b.einsum("nk,nd->kd", member, x)?;
    let count = b.sum(member, 0)?;
    let count = b.clamp(count, Interval { lo: 1, hi: i64::from(points).max(1) })?;
    let count = b.reshape(count, &[centres, 1])?;
    let means = b.divide(sums, count)?;
    b.output(means);
    b.build()
}

/// Three clouds of forty points.
fn clouds() -> Result<Tensor, Box<dyn Error>> {
    let corners = [[-600, -500], [550, -300], [0, 700]];
    let noise = |seed: i64| (seed * 7919 + seed * seed * 104_729).rem_euclid(601) - 300;
    let point = |at: i64| {
        let [x, y] = corners[at as usize % 3];
        [x + noise(2 * at), y + noise(2 * at + 1)]
    };
    Ok(Tensor::new(&[120, 2], (0..120).flat_map(point).collect())?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let points = clouds()?;
    let mut centres = Tensor::new(&[3, 2], vec![-900, 0, 0, -100, 100, 900])?;
    let by = Keypair::from_seed(Seed::from_number(1)).id();
    let context = |step| Context {
        chain: ChainId::default(),
        height: Height(step),
        by,
        subject: Digest::of("k-means", b""),
    };
    // Any prover of computations will do.
    let prover = Replay::default();
    let verifier = Prover::<KMeans>::verifier(&prover);

    for step in 1..=4 {
        let run = execute(&program(120, 3)?, &[points.clone(), centres.clone()])?;
        let after = run.outputs().first().map(|after| (*after).clone()).ok_or("no output")?;
        let public = KMeans { points: points.commitment(), count: 120, before: centres, after };
        let proof =
            Prover::<KMeans>::prove(&prover, &context(step), &public, &points, Seed::from_number(step))?;
        verifier.verify(&context(step), &public, &proof)?;
        println!("step {step}: centres {:?}, proved in {} bytes", public.after.data(), proof.body.len());

        let mut moved = public.after.data().to_vec();
        moved[0] += 1;
        let lie = KMeans { after: Tensor::new(&[3, 2], moved)?, ..public.clone() };
        let unproved =
            Prover::<KMeans>::prove(&prover, &context(step), &lie, &points, Seed::from_number(step));
        let forged = forge::<KMeans>(&context(step), &lie, &[&points]);
        match (unproved, verifier.verify(&context(step), &lie, &forged)) {
            (Err(_), Err(refused)) => println!("        one off: {refused}"),
            _ => return Err("a lie was believed".into()),
        }
        centres = public.after;
    }
    Ok(())
}
