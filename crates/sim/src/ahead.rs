//! Jobs that run beside each other while virtual time passes.
//!
//! A job is a closed computation: what comes out does not depend on when it runs. So one whose price is known, and with it
//! the virtual moment of its end, is started on the pool at once and waited for when that moment comes; the world goes on
//! meanwhile, the same to the byte at any number of threads. On a pool of one thread it runs where it is asked for.

use bitneuron_role::work::{Done, Job};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread::Result as Ended;

/// A job that runs, or has run.
pub(crate) enum Ahead {
    /// It has.
    Over(Box<Done>),
    /// It may still.
    Running(Receiver<Ended<Done>>),
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Over(_) => "Over",
            Self::Running(_) => "Running",
        })
    }
}

impl Ahead {
    /// Starts a job on the pool.
    pub(crate) fn start(job: Job) -> Self {
        if rayon::current_num_threads() < 2 {
            return Self::Over(Box::new(job.run()));
        }
        let (send, receive) = channel();
        rayon::spawn(move || {
            // Nobody waits for a world that is gone.
            let _ = send.send(catch_unwind(AssertUnwindSafe(|| job.run())));
        });
        Self::Running(receive)
    }

    /// What came out.
    ///
    /// # Panics
    /// Where the job did.
    pub(crate) fn wait(self) -> Done {
        let receive = match self {
            Self::Over(done) => return *done,
            Self::Running(receive) => receive,
        };
        let ended = loop {
            match receive.try_recv() {
                Ok(ended) => break ended,
                // On a thread of the pool others' work is done meanwhile, which may be this job's.
                Err(TryRecvError::Empty) if rayon::yield_now().is_some() => {}
                Err(_) => break receive.recv().unwrap_or_else(|_| unreachable!("a job sends how it ended")),
            }
        };
        ended.unwrap_or_else(|panic| resume_unwind(panic))
    }
}
