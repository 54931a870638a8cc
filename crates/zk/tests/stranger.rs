//! Statements of somebody else, proved with no change in this crate: a step of k-means.

use bitneuron_core::claim::{CheckClaim, Claim, Refused};
use bitneuron_core::exact::{
    Binding, Builder, Comparison, Interval, Op, Program, ProgramError, Relation, Tensor,
};
use bitneuron_core::{ChainId, Commitment, Context, Digest, Height, Keypair, Seed, Wire};
use bitneuron_zk::suite::{Case, check};
use bitneuron_zk::{
    Computation, Prover, Registry, Replay, Statement, StatementError, Verifier, VerifyError, claim,
    recomputes,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// One step of Lloyd's algorithm on hidden points in the plane: `after` are the means of the points nearest to each of
/// `before`, rounded; a centre without points goes to the origin.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct KMeans {
    points: Commitment,
    count: u32,
    before: Tensor,
    after: Tensor,
}

impl Wire for KMeans {
    const LIMIT: usize = 1 << 12;
}

impl Statement for KMeans {
    const DOMAIN: &'static str = "stranger k-means step v1";
    type Public = Self;
    type Witness = Tensor;

    fn holds(public: &Self, points: &Tensor) -> bool {
        recomputes::<Self>(public, points)
    }
}

impl Computation for KMeans {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        let [centres, 2] = *public.before.shape() else {
            return Err(StatementError::Rule("centres lie in the plane".into()));
        };
        if public.count == 0 || public.count > 1000 || centres == 0 || centres > 16 {
            return Err(StatementError::TooLarge { what: "points or centres", limit: 1000 });
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

fn program(points: u32, centres: u32) -> Result<Program, ProgramError> {
    let mut b = Builder::new();
    let x = b.input(&[points, 2], Interval::symmetric(1000))?;
    let c = b.input(&[centres, 2], Interval::symmetric(1000))?;
    // Nearest: the greatest of 2·x·c − |c|².
    let product = b.einsum("nd,kd->nk", x, c)?;
    let twice = b.scale(product, 2)?;
    let squares = b.einsum("kd,kd->k", c, c)?;
    let closeness = b.sub(twice, squares)?;
    let nearest = b.op(Op::Argmax(closeness))?;
    let nearest = b.reshape(nearest, &[points, 1])?;
    let all = b.constant(Tensor::vector((0..i64::from(centres)).collect()))?;
    let member = b.compare(nearest, Comparison::Equal, all)?;
    let sums = b.einsum("nk,nd->kd", member, x)?;
    let count = b.sum(member, 0)?;
    let count = b.clamp(count, Interval { lo: 1, hi: i64::from(points) })?;
    let count = b.reshape(count, &[centres, 1])?;
    let means = b.divide(sums, count)?;
    b.output(means);
    b.build()
}

/// The same step by hand.
fn by_hand(points: &[[i64; 2]], before: &[[i64; 2]]) -> Vec<i64> {
    let distance = |a: &[i64; 2], b: &[i64; 2]| (a[0] - b[0]).pow(2) + (a[1] - b[1]).pow(2);
    let nearest = |point: &[i64; 2]| {
        (0..before.len()).min_by_key(|at| distance(point, &before[*at])).expect("a centre")
    };
    let mean = |at: usize, axis: usize| {
        let own: Vec<i64> = points.iter().filter(|p| nearest(p) == at).map(|p| p[axis]).collect();
        let count = own.len().max(1) as i64;
        (own.iter().sum::<i64>() + count / 2).div_euclid(count)
    };
    (0..before.len()).flat_map(|at| [mean(at, 0), mean(at, 1)]).collect()
}

fn plane(points: &[[i64; 2]]) -> Tensor {
    Tensor::new(&[points.len() as u32, 2], points.concat()).expect("shape")
}

fn case(points: &[[i64; 2]], before: &[[i64; 2]]) -> Case<KMeans> {
    let witness = plane(points);
    let after = Tensor::new(&[before.len() as u32, 2], by_hand(points, before)).expect("shape");
    let (points, count) = (witness.commitment(), points.len() as u32);
    let public = KMeans { points, count, before: plane(before), after };
    let by = Keypair::from_seed(Seed::from_number(1)).id();
    let context = Context { chain: ChainId::default(), height: Height(1), by, subject: Digest([4; 32]) };
    Case { context, public, witness }
}

fn point() -> impl Strategy<Value = [i64; 2]> {
    [-1000i64..=1000, -1000i64..=1000]
}

proptest! {
    #[test]
    fn what_holds_is_accepted_and_one_off_is_not(
        points in prop::collection::vec(point(), 1..30),
        before in prop::collection::vec(point(), 1..5),
        wrong in any::<prop::sample::Index>(),
    ) {
        let honest = case(&points, &before);
        prop_assert!(KMeans::holds(&honest.public, &honest.witness));
        let replay = Replay::default();
        let prove = |public: &KMeans| {
            Prover::<KMeans>::prove(&replay, &honest.context, public, &honest.witness, Seed::from_number(1))
        };
        let proof = prove(&honest.public).unwrap();
        Verifier::<KMeans>::verify(&replay, &honest.context, &honest.public, &proof).unwrap();

        let mut after = honest.public.after.data().to_vec();
        let at = wrong.index(after.len());
        after[at] += 1;
        let lie = KMeans { after: Tensor::new(honest.public.after.shape(), after).unwrap(), ..honest.public.clone() };
        prop_assert!(prove(&lie).is_err());
        let forged = bitneuron_zk::liar::forge::<KMeans>(&honest.context, &lie, &[&honest.witness]);
        let verdict = Verifier::<KMeans>::verify(&replay, &honest.context, &lie, &forged);
        prop_assert!(matches!(verdict, Err(VerifyError::False(_))));
    }
}

#[test]
fn the_laws_and_the_registry_take_it_as_their_own() {
    let honest = case(&[[0, 0], [10, 0], [1000, 1000], [990, 990]], &[[1, 1], [900, 900]]);
    let mut lie = honest.clone();
    lie.public.after = lie.public.before.clone();
    check::<KMeans>(&Replay::default(), &bitneuron_zk::liar::replayed, &[honest.clone(), lie]).unwrap();

    let key = Keypair::from_seed(Seed::from_number(1));
    let replay = Replay::default();
    let Case { context, public, witness } = &honest;
    let proof = Prover::<KMeans>::prove(&replay, context, public, witness, Seed::from_number(1)).unwrap();
    let claim: Claim = claim::<KMeans>(&key, *context, public, &proof);
    assert_eq!(Registry::replaying(&replay).check(&claim), Err(Refused::Unknown(claim.statement())));
    assert_eq!(Registry::replaying(&replay).with::<KMeans>(replay).check(&claim), Ok(()));
}
