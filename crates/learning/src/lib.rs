//! Learn: models, merge rules, updates and the gossip machines of Algorithms 1, 2 and 3.
#![forbid(unsafe_code)]
