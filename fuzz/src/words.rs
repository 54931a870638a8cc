//! Decoders of everything else that comes from others: words of the wire, proof files, frames, tables.

use bitneuron::core::{Wire, decode, encode};
use bitneuron::learning::data::Table;
use bitneuron::net::{Channel, Decoder, Frame, Limits};
use bitneuron::zk::ProofFile;
use bitneuron::{consensus, core, ledger, market, net, role, zk};
use std::any::type_name;
use std::sync::Arc;

/// Decodes bytes as one type: one encoding.
fn round<T: Wire>(bytes: &[u8]) -> bool {
    decode::<T>(bytes).is_ok_and(|value| {
        assert!(encode(&value) == bytes, "one {}, two encodings", type_name::<T>());
        true
    })
}

type Data = market::DataMarket;

/// The types whose encodings come from others; new ones last, so that what is kept stays what it is.
const TYPES: [fn(&[u8]) -> bool; 38] = [
    round::<core::goal::Goal>,
    round::<core::claim::Claim>,
    round::<core::claim::Turn>,
    round::<core::claim::Score>,
    round::<core::claim::Holding>,
    round::<core::claim::Inference>,
    round::<core::exact::Program>,
    round::<consensus::Header>,
    round::<consensus::Block>,
    round::<consensus::Message>,
    round::<consensus::Record>,
    round::<consensus::Vote>,
    round::<consensus::SignedVote>,
    round::<consensus::Proposal>,
    round::<consensus::SignedProposal>,
    round::<consensus::Certificate>,
    round::<consensus::LightBlock>,
    round::<consensus::Evidence>,
    round::<consensus::Electorate>,
    round::<ledger::EntryProof>,
    round::<ledger::TurnId>,
    round::<ledger::Genesis>,
    round::<ledger::Tx>,
    round::<ledger::SignedTx>,
    round::<ledger::Receipt>,
    round::<ledger::ReceiptProof>,
    round::<ledger::EventProof>,
    round::<ledger::SignedDelivery>,
    round::<market::Order<Data>>,
    round::<market::Deal<Data>>,
    round::<market::OrderRecord>,
    round::<market::RecordProof>,
    round::<net::sampling::cyclon::Message>,
    round::<zk::Proof>,
    round::<zk::Step>,
    round::<role::Message>,
    round::<net::sampling::brahms::Message>,
    round::<net::sampling::peerswap::Message>,
];

/// A type (u8) and the bytes of a value.
///
/// # Panics
/// A value has two encodings.
pub fn words(bytes: &[u8]) -> bool {
    let [choice, bytes @ ..] = bytes else { return false };
    TYPES.get(usize::from(*choice) % TYPES.len()).is_some_and(|round| round(bytes))
}

/// The shortest values of zeros alone, where a type has one.
pub fn skeletons() -> Vec<Vec<u8>> {
    let skeleton = |(choice, round): (usize, &fn(&[u8]) -> bool)| {
        let zeros = (0..1500).map(|count| [&[1][..], &vec![0; count]].concat());
        let bytes = zeros.into_iter().find(|bytes| round(bytes))?;
        Some([&[choice as u8][..], &bytes].concat())
    };
    TYPES.iter().enumerate().filter_map(skeleton).collect()
}

/// Any bytes as a proof file: one encoding.
///
/// # Panics
/// A file has two encodings.
pub fn proof(bytes: &[u8]) -> bool {
    ProofFile::read(bytes).is_ok_and(|file| {
        assert!(file.write() == bytes, "one file, two encodings");
        true
    })
}

/// The front of a proof file.
pub fn proofs() -> Vec<Vec<u8>> {
    let front = [&b"bnproof\n"[..], &[1, 4, 0, 0, 0, 0, 0, 0, 0], b"step", &[0; 300]].concat();
    vec![front]
}

/// Any bytes as a stream of frames.
///
/// # Panics
/// A frame has two encodings, or what is held exceeds the limits.
pub fn frames(bytes: &[u8]) -> bool {
    let limits = Arc::new(Limits::default());
    let (mut decoder, mut input, mut any) = (Decoder::new(limits.clone()), bytes, false);
    loop {
        let before = input;
        match decoder.read(&mut input) {
            Ok(Some(frame)) => {
                let read = before.len() - input.len();
                let again = frame.encode(&limits);
                assert!(
                    again.is_ok_and(|again| before.get(..read) == Some(&again)),
                    "a frame, two encodings"
                );
                any = true;
            }
            Ok(None) => return any,
            Err(_) => return false,
        }
    }
}

/// Streams of frames.
pub fn framed() -> Vec<Vec<u8>> {
    let frame = |body: &[u8]| Frame { channel: Channel::REQUEST, body: body.to_vec() };
    let encoded = [&b""[..], b"one", &[7; 200]].map(|body| frame(body).encode(&Limits::default()));
    let encoded: Vec<Vec<u8>> = encoded.into_iter().flatten().collect();
    [encoded.clone(), vec![encoded.concat()]].concat()
}

/// Any bytes as a table of numbers.
pub fn table(bytes: &[u8]) -> bool {
    let table = Table { features: 3, classes: 4, full_scale: 9, rows: 100 };
    std::str::from_utf8(bytes).is_ok_and(|text| table.parse(text).is_ok())
}

/// Tables.
pub fn tables() -> Vec<Vec<u8>> {
    ["1,2,3,0\n", "9,0,0,3\n0,0,0,1\n", ""].map(|text| text.as_bytes().to_vec()).to_vec()
}
