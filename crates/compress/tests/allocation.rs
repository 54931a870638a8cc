//! A refused packet costs the receiver next to nothing, whatever it claims, and few values cost little among many.

#![expect(unsafe_code, reason = "an allocator that counts is the only way to see allocations")]

use bitneuron_compress::{
    Absmax4, Absmax8, Auto, CanonicalPolyadic, Chain, Chunked, CodecId, CompressError, Compressor, Cosine,
    Dense, Ecsq, Float, Limits, LowRank, Nf4, Packet, Random, Rotated, Sign, Sliced, TensorTrain,
    TensorTrainMatrix, Ternary, Top, Tucker, Uniform, sparse::Density,
};
use bitneuron_core::{Digest, Layout, Params, Seed};
use std::{
    alloc::{GlobalAlloc, Layout as Block, System},
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
};

struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, block: Block) -> *mut u8 {
        ALLOCATED.fetch_add(block.size(), Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(block) }
    }

    unsafe fn dealloc(&self, at: *mut u8, block: Block) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(at, block) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn cost<T>(call: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATED.load(Ordering::Relaxed);
    let outcome = call();
    (outcome, ALLOCATED.load(Ordering::Relaxed) - before)
}

const ZEROS: [CodecId; 4] = [CodecId::TOP, CodecId::TERNARY, CodecId::CHUNKED, CodecId::COSINE];

// One test, so that nothing else allocates meanwhile.
#[test]
fn refusing_is_cheap() {
    let large = Arc::new(Layout::of(&[("w", &[1 << 12, 1 << 12])]).expect("allowed"));
    let all = Limits { bytes: 1 << 20, elements: 1 << 24 };
    let chain = Chain::new(TensorTrain::default(), Uniform::default()).expect("one transform");
    let sparse: [&dyn Compressor; 4] =
        [&Top::default(), &Ternary::default(), &Chunked::default(), &Random::default()];
    let codecs: [&dyn Compressor; 19] = [
        &Dense,
        &Uniform::default(),
        &TensorTrain::default(),
        &chain,
        &Cosine::default(),
        &Auto::default(),
        &Absmax8::default(),
        &Absmax4::default(),
        &Nf4,
        &Float::E4M3,
        &Float::BF16,
        &Sign,
        &Ecsq::default(),
        &Rotated::default(),
        &Sliced::default(),
        &TensorTrainMatrix::default(),
        &Tucker::default(),
        &CanonicalPolyadic::default(),
        &LowRank::default(),
    ];

    // A train that is a hundred bytes and claims 2²⁴ elements, with its factors missing or too many for the limits.
    let mut structure = vec![2];
    structure.extend([1u32 << 12, 1 << 12].iter().flat_map(|mode| mode.to_le_bytes()));
    structure.extend(2047u16.to_le_bytes());
    // The same of a train of matrices, of a core, and of a rank.
    let mut pairs = vec![2];
    pairs.extend([1u32 << 6; 4].iter().flat_map(|mode| mode.to_le_bytes()));
    pairs.extend(1000u16.to_le_bytes());
    let core = vec![2, 0, 4, 0, 4];
    let rank = vec![1, 0, 4];
    let mut header = vec![8, 0];
    header.extend(1u32.to_le_bytes());
    // A step, a key that may be read as escapes, and a table whose frequencies sum to more than they should.
    let mut steps = 1f32.to_le_bytes().to_vec();
    steps.extend([0; 12]);
    steps.extend([[0, 255].as_slice(), &[0xff, 0x1f].repeat(256), &[0; 80]].concat());
    for codec in codecs.into_iter().chain(sparse) {
        let claims = [&structure, &pairs, &core, &rank].map(|claim| vec![claim.clone(), vec![], vec![]]);
        let few = [vec![], vec![vec![]], vec![header.clone()], vec![steps.clone()]];
        for parts in few.into_iter().chain(claims) {
            // To sparse codecs an empty part says that all values are zero, which is a fine packet.
            let zeros = parts == [Vec::<u8>::new()] && ZEROS.contains(&codec.codec());
            let packet = Packet::new(codec.codec(), large.digest(), parts).expect("small");
            for limits in [all, Limits { elements: (1 << 24) - 1, ..all }] {
                if zeros && limits == all {
                    continue;
                }
                let (outcome, bytes) = cost(|| codec.decompress(&packet, &large, limits));
                assert!(outcome.is_err(), "{}", codec.codec());
                assert!(bytes < 8192, "{} allocated {bytes} bytes", codec.codec());
            }
        }
    }

    // Adding few values onto many allocates for the few.
    let mut onto = Params::zeros(large.clone());
    let few = Density::new(1, 1 << 14).expect("in range");
    let sparse: [&dyn Compressor; 4] =
        [&Top::new(few), &Ternary::new(few), &Chunked::new(few), &Random::new(few)];
    onto.values_mut().iter_mut().step_by(1000).for_each(|value| *value = 1.0);
    let packets = sparse.map(|codec| codec.compress(&onto, Seed::default()).expect("finite"));
    for (codec, packet) in sparse.into_iter().zip(packets) {
        let (outcome, spent) = cost(|| codec.decompress_onto(&packet, 0.5, &mut onto, all));
        assert!(outcome.is_ok(), "{}", codec.codec());
        assert!(spent < 100_000, "{} allocated {spent} bytes", codec.codec());
    }

    // Part lengths that add up to 2⁴⁴ bytes in a packet of a few hundred.
    let mut bytes = Packet::new(CodecId::DENSE, Digest::ZERO, vec![vec![]; 100]).expect("small").to_bytes();
    bytes.iter_mut().skip(Packet::HEADER).for_each(|byte| *byte = 0xff);
    let (outcome, spent) = cost(|| Packet::from_bytes(&bytes, all));
    assert!(matches!(outcome, Err(CompressError::Malformed(_))));
    assert!(spent < 1024, "{spent}");
    let (outcome, spent) = cost(|| Packet::from_bytes(&bytes, Limits { bytes: 10, elements: 0 }));
    assert!(matches!(outcome, Err(CompressError::TooLarge { .. })));
    assert_eq!(spent, 0);
    // The counter counts.
    assert!(cost(|| vec![1u8; 5000]).1 >= 5000);
}
