//! Meters: what each node sent and received, and what became of all messages.

/// Traffic of one node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Meter {
    /// Messages handed to the network, those that got lost included, those to oneself not.
    pub sent_messages: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Messages that reached the node while it was up.
    pub received_messages: u64,
    /// Their bytes.
    pub received_bytes: u64,
}

/// What happened in a world.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events: starts, deliveries, timers, finished work, comings and goings.
    pub events: u64,
    /// Messages delivered.
    pub delivered: u64,
    /// Messages lost on links.
    pub lost: u64,
    /// Messages stopped by partitions.
    pub blocked: u64,
    /// Messages that found their receiver down.
    pub missed: u64,
    /// Messages to addresses that nobody has.
    pub astray: u64,
}
