//! Checks the laws of [`Overlay`] between two nodes.
//!
//! The implementer joins two nodes that are peers of each other, both with an [`Echo`] to answer for them, and says
//! how to wait until what was sent has arrived.

use crate::{Answer, BlobId, Channel, Delivery, Overlay, OverlayError, Subscription, Topic};
use bitneuron_core::NodeId;
use futures::{FutureExt, StreamExt};
use std::{collections::BTreeSet, sync::Arc};
use thiserror::Error;

/// Messages that the small subscription of the bound law holds.
const ROOM: usize = 4;
/// Messages published beyond that.
const SURPLUS: u64 = 3;

/// The law that was broken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Violation {
    /// Law 1.
    #[error("place: {0}")]
    Place(&'static str),
    /// Law 2.
    #[error("delivery: {0}")]
    Delivery(&'static str),
    /// Law 3.
    #[error("bound: {0}")]
    Bound(&'static str),
    /// Law 4.
    #[error("answer: {0}")]
    Answer(&'static str),
    /// Law 5.
    #[error("content: {0}")]
    Content(&'static str),
    /// Law 6.
    #[error("size: {0}")]
    Size(&'static str),
    /// Something that must work did not.
    #[error("{0}")]
    Failed(#[from] OverlayError),
}

/// Answers a request with its bytes reversed, keeps silent on an empty one, has one blob, and lies about another.
#[derive(Debug, Clone, Copy, Default)]
pub struct Echo;

impl Echo {
    /// The blob that it has: 40,000 bytes.
    pub fn bytes() -> Arc<[u8]> {
        (0..40_000_u32).map(|at| (at % 251) as u8).collect()
    }

    /// The blob for which it gives other bytes.
    pub fn forged() -> BlobId {
        BlobId::of(b"what the suite's liar has not")
    }
}

impl Answer for Echo {
    fn answer(&self, _from: NodeId, _channel: Channel, body: &[u8]) -> Option<Vec<u8>> {
        (!body.is_empty()).then(|| body.iter().rev().copied().collect())
    }

    fn blob(&self, id: BlobId) -> Option<Arc<[u8]>> {
        if id == Self::forged() {
            return Some(b"something else".as_slice().into());
        }
        let bytes = Self::bytes();
        (BlobId::of(&bytes) == id).then_some(bytes)
    }
}

/// Checks all laws; `settle` returns when what was sent has arrived.
///
/// The overlays use [`Limits::default`](crate::Limits).
///
/// # Errors
/// The first law broken, or the first failure of something that must work.
pub async fn check(one: &dyn Overlay, two: &dyn Overlay, settle: impl AsyncFn()) -> Result<(), Violation> {
    place(one, two).await?;
    delivery(one, two, &settle).await?;
    bound(one, two, &settle).await?;
    answer(one, two).await?;
    content(one).await?;
    size(one, two, &settle).await
}

async fn place(one: &dyn Overlay, two: &dyn Overlay) -> Result<(), Violation> {
    let peers = one.peers().await;
    let different: BTreeSet<_> = peers.iter().collect();
    if different.contains(&one.local_id()) {
        return Err(Violation::Place("a node is its own peer"));
    }
    if different.len() < peers.len() {
        return Err(Violation::Place("a peer is named twice"));
    }
    if !peers.is_sorted() {
        return Err(Violation::Place("peers are not ascending"));
    }
    if !different.contains(&two.local_id()) {
        return Err(Violation::Place("a peer is missing"));
    }
    Ok(())
}

async fn delivery(one: &dyn Overlay, two: &dyn Overlay, settle: &impl AsyncFn()) -> Result<(), Violation> {
    let (here, there) = (Topic::named("suite here"), Topic::named("suite there"));
    let mut own = one.subscribe(here, 16).await?;
    let mut right = two.subscribe(here, 16).await?;
    let mut wrong = two.subscribe(there, 16).await?;
    settle().await;
    for number in 0..3_u8 {
        one.publish(Channel::GROUP, here, Arc::new([number])).await?;
    }
    settle().await;
    let got = arrived(&mut right);
    let bodies: BTreeSet<_> = got.iter().map(|delivery| delivery.body.to_vec()).collect();
    if got.len() != 3 || bodies.len() != 3 {
        return Err(Violation::Delivery("not each message once"));
    }
    if got.iter().any(|delivery| delivery.from != one.local_id() || delivery.topic != here) {
        return Err(Violation::Delivery("another publisher or topic is named"));
    }
    if !arrived(&mut wrong).is_empty() {
        return Err(Violation::Delivery("a message of another topic"));
    }
    if !arrived(&mut own).is_empty() {
        return Err(Violation::Delivery("the publisher hears itself"));
    }
    Ok(())
}

async fn bound(one: &dyn Overlay, two: &dyn Overlay, settle: &impl AsyncFn()) -> Result<(), Violation> {
    let topic = Topic::named("suite bound");
    let mut stream = two.subscribe(topic, ROOM).await?;
    settle().await;
    for _ in 0..SURPLUS.saturating_add(ROOM as u64) {
        one.publish(Channel::GROUP, topic, Arc::new([0])).await?;
    }
    settle().await;
    let held = arrived(&mut stream);
    if held.len() != ROOM {
        return Err(Violation::Bound("not as many messages as the capacity"));
    }
    one.publish(Channel::GROUP, topic, Arc::new([1])).await?;
    settle().await;
    match arrived(&mut stream).as_slice() {
        [delivery] if delivery.missed == SURPLUS => Ok(()),
        _ => Err(Violation::Bound("the loss is not told")),
    }
}

async fn answer(one: &dyn Overlay, two: &dyn Overlay) -> Result<(), Violation> {
    let bytes = one.request(two.local_id(), Channel::REQUEST, b"abc".to_vec()).await?;
    if bytes != b"cba" {
        return Err(Violation::Answer("other bytes than the peer gave"));
    }
    match one.request(two.local_id(), Channel::REQUEST, Vec::new()).await {
        Err(OverlayError::Unanswered(peer)) if peer == two.local_id() => {}
        _ => return Err(Violation::Answer("silence is not reported")),
    }
    let stranger = NodeId([0xee; 32]);
    match one.request(stranger, Channel::REQUEST, b"abc".to_vec()).await {
        Err(OverlayError::Unreachable(peer)) if peer == stranger => Ok(()),
        _ => Err(Violation::Answer("an unknown peer is not reported")),
    }
}

async fn content(one: &dyn Overlay) -> Result<(), Violation> {
    let whole = Echo::bytes();
    let (id, length) = (BlobId::of(&whole), whole.len() as u64);
    if one.fetch_blob(id, length).await? != whole {
        return Err(Violation::Content("other bytes than the blob"));
    }
    if !matches!(one.fetch_blob(id, length.saturating_sub(1)).await, Err(OverlayError::TooLong { .. })) {
        return Err(Violation::Content("longer than the limit"));
    }
    match one.fetch_blob(Echo::forged(), length).await {
        Err(OverlayError::Forged(_)) => {}
        _ => return Err(Violation::Content("a forged blob is not reported")),
    }
    match one.fetch_blob(BlobId::of(b"nobody has this"), length).await {
        Err(OverlayError::NotFound(_)) => Ok(()),
        _ => Err(Violation::Content("a missing blob is not reported")),
    }
}

async fn size(one: &dyn Overlay, two: &dyn Overlay, settle: &impl AsyncFn()) -> Result<(), Violation> {
    let topic = Topic::named("suite size");
    let mut stream = two.subscribe(topic, ROOM).await?;
    settle().await;
    let long: Arc<[u8]> = vec![0; 1025].into();
    if !matches!(
        one.publish(Channel::ANNOUNCE, topic, Arc::clone(&long)).await,
        Err(OverlayError::TooLong { length: 1025, limit: 1024 })
    ) || !matches!(
        one.request(two.local_id(), Channel::ANNOUNCE, long.to_vec()).await,
        Err(OverlayError::TooLong { .. })
    ) {
        return Err(Violation::Size("a long body is not refused"));
    }
    settle().await;
    if arrived(&mut stream).is_empty() { Ok(()) } else { Err(Violation::Size("a refused body was sent")) }
}

/// What the stream holds now.
fn arrived(stream: &mut Subscription) -> Vec<Delivery> {
    std::iter::from_fn(|| stream.next().now_or_never().flatten()).collect()
}
