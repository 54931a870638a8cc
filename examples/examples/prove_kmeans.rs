//! A statement of one's own: steps of k-means on hidden points between hidden centres, proved in zero knowledge and checked
//! with no change in the library.
//!
//! Lloyd's algorithm assigns each point to the nearest centre and moves each centre to the mean of its points. Points and
//! centres are committed, each in a group of its own; the centres that one proof ends with are what the next begins with.
//! Everybody checks the steps and learns no coordinate. A step to other centres is refused, however it is proved.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example prove_kmeans
//! ```
#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use bitneuron::core::exact::{
    Binding, Builder, Comparison, Interval, Op, Program, ProgramError, Relation, Tensor, execute,
};
use bitneuron::core::{ChainId, Commitment, Context, Digest, Height, Keypair, Seed, Wire};
use bitneuron::zk::backend::sumcheck::{Geometry, Sumcheck};
use bitneuron::zk::{Computation, Library, Prover, Statement, StatementError, Verifier, recomputes};
use serde::{Deserialize, Serialize};
use std::{error::Error, sync::Arc};

/// Coordinates lie within ±this.
const REACH: i64 = 1000;

/// "One step on the committed points leads from these committed centres to those."
#[derive(Debug, Clone, Serialize, Deserialize)]
struct KMeans {
    points: Commitment,
    /// The numbers of points and centres.
    sizes: [u32; 2],
    before: Commitment,
    after: Commitment,
}

impl Wire for KMeans {
    const LIMIT: usize = 256;
}

impl Statement for KMeans {
    const DOMAIN: &'static str = "example k-means step v2";
    type Public = Self;
    /// The points, and the centres before.
    type Witness = [Tensor; 2];

    fn holds(public: &Self, witness: &[Tensor; 2]) -> bool {
        recomputes::<Self>(public, witness)
    }
}

impl Computation for KMeans {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        // The public part comes from others: sizes are refused before anything is built.
        let [points, centres] = public.sizes;
        if points > 10_000 || centres == 0 || centres > 64 {
            return Err(StatementError::TooLarge { what: "points or centres", limit: 10_000 });
        }
        Ok(Relation {
            program: program(points, centres)?,
            inputs: vec![Binding::Committed(public.points), Binding::Committed(public.before)],
            outputs: vec![Binding::Committed(public.after)],
        })
    }

    fn witness(witness: &[Tensor; 2]) -> Vec<&Tensor> {
        witness.iter().collect()
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
    let by = Keypair::from_seed(Seed::from_number(1)).id();
    let (chain, subject) = (ChainId::default(), Digest::of("k-means", b""));
    let context = |step| Context { chain, height: Height(step), by, subject };
    // In earnest every seed is random and secret.
    let seed = Seed::from_number;
    // Points are opened in each proof, twice in each round here, which uses up randomness of their group.
    let prover = Sumcheck::new(Geometry { openings: 8, ..Geometry::SMALL }, Arc::new(Library::new()))?;
    let commit = |tensor: &Tensor, entropy| -> Result<Commitment, Box<dyn Error>> {
        prover.commit(&[tensor], &context(0), entropy)?.pop().ok_or_else(|| "no commitment".into())
    };
    // Whoever checks has an empty vault: nothing but the statement and the proof.
    let verifier = Sumcheck::new(Geometry { openings: 8, ..Geometry::SMALL }, Arc::new(Library::new()))?;

    let points = clouds()?;
    let mut centres = Tensor::new(&[3, 2], vec![-900, 0, 0, -100, 100, 900])?;
    let hidden = commit(&points, seed(100))?;
    let mut before = commit(&centres, seed(101))?;
    for step in 1..=4 {
        let run = execute(&program(120, 3)?, &[points.clone(), centres.clone()])?;
        let after = run.outputs().first().map(|after| (*after).clone()).ok_or("no output")?;
        let public =
            KMeans { points: hidden, sizes: [120, 3], before, after: commit(&after, seed(101 + step))? };
        let (context, witness) = (context(step), [points.clone(), centres]);
        let proof = Prover::<KMeans>::prove(&prover, &context, &public, &witness, seed(step))?;
        Verifier::<KMeans>::verify(&verifier, &context, &public, &proof)?;
        println!("step {step}: proved in {} bytes (centres {:?})", proof.body.len(), after.data());

        // One coordinate moved: a prover refuses, and what a dishonest one makes is not believed, nor is the honest proof.
        let mut moved = after.data().to_vec();
        moved[0] += 1;
        let lie =
            KMeans { after: commit(&Tensor::new(&[3, 2], moved)?, seed(200 + step))?, ..public.clone() };
        let unproved = Prover::<KMeans>::prove(&prover, &context, &lie, &witness, seed(step));
        let forged = prover.forge_claim::<KMeans>(&context, &lie, &KMeans::witness(&witness), seed(step))?;
        let shown = Verifier::<KMeans>::verify(&verifier, &context, &lie, &proof);
        let believed = Verifier::<KMeans>::verify(&verifier, &context, &lie, &forged.ok_or("no proof")?);
        match (unproved, shown, believed) {
            (Err(_), Err(_), Err(refused)) => println!("        one off: {refused}"),
            _ => return Err("a lie was believed".into()),
        }
        (centres, before) = (after, public.after);
    }
    Ok(())
}
