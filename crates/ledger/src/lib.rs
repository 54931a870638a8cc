//! Remember: the replicated state of accounts, stake, deals, reputation and rewards.
#![forbid(unsafe_code)]
