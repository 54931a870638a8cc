//! Nodes that do next to nothing, so that the event loop itself is seen.
//!
//! Every node sends a message of 100 bytes to a random node each second, and a message is passed on twice more. Of all
//! messages 5 % get lost; nodes stay for ten minutes on average and are away for one. The delay is 50 ± 10 ms.

use bitneuron::{
    core::{Seed, Time},
    sim::{Address, Chance, Churn, Context, Link, Network, Node, Payload, Setting, World},
};
use std::time::Duration;

/// How often a message is passed on.
const HOPS: u8 = 2;

/// A message.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    hops: u8,
}

impl Payload for Token {
    fn size(&self) -> usize {
        100
    }
}

/// A node.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chatter;

impl Chatter {
    fn send(cx: &mut Context<'_, Token>, hops: u8) {
        let nodes = u64::from(cx.nodes());
        let to = cx.random().below(nodes) as Address;
        cx.send(to, Token { hops });
    }
}

impl Node for Chatter {
    type Message = Token;

    fn start(&mut self, cx: &mut Context<'_, Token>) {
        let offset = cx.random().below(1_000_000);
        cx.timer(Duration::from_micros(offset), 0);
    }

    fn message(&mut self, cx: &mut Context<'_, Token>, _: Address, Token { hops }: Token) {
        if let Some(hops) = hops.checked_sub(1) {
            Self::send(cx, hops);
        }
    }

    fn timer(&mut self, cx: &mut Context<'_, Token>, id: u64) {
        Self::send(cx, HOPS);
        cx.timer(Duration::from_secs(1), id);
    }
}

/// A world of so many nodes, past its first seconds.
pub fn world(nodes: usize) -> World<Chatter> {
    let link = Link { loss: Chance::percent(5), ..Link::default() };
    let churn = Some(Churn::new(Duration::from_mins(10), Duration::from_mins(1)));
    let network = Network { link, ..Network::default() };
    let setting = Setting { seed: Seed::from_number(1), network, churn, trace: false };
    let mut world = World::new(setting, vec![Chatter; nodes]);
    world.run_until(Time(5_000_000));
    world
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_churn_are_on() {
        let mut world = world(1_000);
        world.run_until(Time(60_000_000));
        let tally = world.tally();
        assert!(tally.events > 150_000 && tally.lost > 5_000 && tally.missed > 2_000, "{tally:?}");
    }
}
