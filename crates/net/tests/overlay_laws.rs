//! The overlay in memory keeps the laws; for each law there is a wrong overlay that it refuses.

use async_trait::async_trait;
use bitneuron_core::NodeId;
use bitneuron_net::{
    BlobId, Channel, Limits, Overlay, OverlayError, Subscription, Topic,
    memory::{Hub, Memory},
    suite::overlay::{Echo, Violation, check},
};
use futures::{StreamExt, executor::block_on};
use std::sync::Arc;

const ONE: NodeId = NodeId([1; 32]);
const TWO: NodeId = NodeId([2; 32]);

fn pair() -> (Memory, Memory) {
    let hub = Hub::new(Limits::default());
    (hub.join(ONE, Arc::new(Echo)), hub.join(TWO, Arc::new(Echo)))
}

#[test]
fn memory_keeps_the_laws() {
    let (one, two) = pair();
    block_on(check(&one, &two, async || ())).unwrap();
}

#[test]
fn those_who_left_are_gone() {
    let hub = Hub::new(Limits::default());
    let one = hub.join(ONE, Arc::new(Echo));
    let two = hub.join(TWO, Arc::new(Echo));
    let mut stream = block_on(two.subscribe(Topic::named("t"), 1)).unwrap();
    hub.leave(&TWO);
    assert_eq!(block_on(stream.next()), None);
    assert!(block_on(one.peers()).is_empty());
    let gone = block_on(one.request(TWO, Channel::REQUEST, vec![1]));
    assert!(matches!(gone, Err(OverlayError::Unreachable(TWO))));
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    OwnPeer,
    Disorder,
    Repeats,
    MixesTopics,
    Unbounded,
    Invents,
    Truncates,
    Believes,
    SendsAnything,
}

/// The overlay in memory with one fault.
struct Wrong {
    inner: Memory,
    fault: Fault,
}

#[async_trait]
impl Overlay for Wrong {
    fn local_id(&self) -> NodeId {
        self.inner.local_id()
    }

    async fn peers(&self) -> Vec<NodeId> {
        let mut peers = self.inner.peers().await;
        if self.fault == Fault::OwnPeer {
            peers.push(self.local_id());
        }
        if self.fault == Fault::Disorder {
            peers.reverse();
        }
        peers
    }

    async fn publish(&self, channel: Channel, topic: Topic, body: Arc<[u8]>) -> Result<(), OverlayError> {
        let (channel, times) = match self.fault {
            Fault::Repeats => (channel, 2),
            Fault::SendsAnything => (Channel::GROUP, 1),
            _ => (channel, 1),
        };
        for _ in 0..times {
            self.inner.publish(channel, topic, Arc::clone(&body)).await?;
        }
        if self.fault == Fault::MixesTopics {
            self.inner.publish(channel, Topic::named("suite there"), body).await?;
        }
        Ok(())
    }

    async fn subscribe(&self, topic: Topic, capacity: usize) -> Result<Subscription, OverlayError> {
        let capacity = if self.fault == Fault::Unbounded { 1000 } else { capacity };
        self.inner.subscribe(topic, capacity).await
    }

    async fn request(&self, to: NodeId, channel: Channel, body: Vec<u8>) -> Result<Vec<u8>, OverlayError> {
        match self.fault {
            Fault::Invents => Ok(body),
            Fault::SendsAnything => self.inner.request(to, Channel::GROUP, body).await,
            _ => self.inner.request(to, channel, body).await,
        }
    }

    async fn fetch_blob(&self, id: BlobId, limit: u64) -> Result<Arc<[u8]>, OverlayError> {
        let fetched = self.inner.fetch_blob(id, limit).await;
        if self.fault == Fault::Believes && matches!(fetched, Err(OverlayError::Forged(_))) {
            return Ok([].into());
        }
        let bytes = fetched?;
        Ok(if self.fault == Fault::Truncates { bytes[1..].into() } else { bytes })
    }
}

#[test]
fn each_law_refuses_its_breaker() {
    let verdict = |fault| {
        let hub = Hub::new(Limits::default());
        let [one, two, _] = [ONE, TWO, NodeId([3; 32])].map(|id| hub.join(id, Arc::new(Echo)));
        let (one, two) = (Wrong { inner: one, fault }, Wrong { inner: two, fault });
        block_on(check(&one, &two, async || ())).unwrap_err()
    };
    assert!(matches!(verdict(Fault::OwnPeer), Violation::Place(_)));
    assert!(matches!(verdict(Fault::Disorder), Violation::Place("peers are not ascending")));
    assert!(matches!(verdict(Fault::Repeats), Violation::Delivery(_)));
    assert!(matches!(verdict(Fault::MixesTopics), Violation::Delivery(_)));
    assert!(matches!(verdict(Fault::Unbounded), Violation::Bound(_)));
    assert!(matches!(verdict(Fault::Invents), Violation::Answer(_)));
    assert!(matches!(verdict(Fault::Truncates), Violation::Content(_)));
    assert!(matches!(verdict(Fault::Believes), Violation::Content("a forged blob is not reported")));
    assert!(matches!(verdict(Fault::SendsAnything), Violation::Size(_)));
}
