//! The program `bitneuron`: reads the command line, runs what it asks for, says how it ended.
//!
//! It exits with 0 when all went well, 1 on failure, 2 on a command line that makes no sense; `verify` with 0 for what is true, 1
//! for what is refused, 2 where nothing could be judged.
#![forbid(unsafe_code)]

use bitneuron_node::cli::{Cli, Command};
use bitneuron_node::devnet::{Devnet, Stopwatch, Terminal};
use bitneuron_node::lab::Play;
use bitneuron_node::ledger::{HomeError, Recount};
use bitneuron_node::proof::{Check, Example, Verdict};
use bitneuron_node::shrink::ShrinkError;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let stopwatch = Stopwatch::start();
    match Cli::read(std::env::args_os()) {
        Err(usage) => usage.exit(),
        Ok(Command::Devnet(devnet)) => run(&devnet, stopwatch),
        Ok(Command::ProveExample(example)) => prove(&example),
        Ok(Command::Verify(check)) => verify(&check),
        Ok(Command::Compress(shrink)) => changed(shrink.run(&mut stdout(), &mut stderr())),
        Ok(Command::Decompress(restore)) => changed(restore.run(&mut stdout())),
        // Nobody is left to hear that standard output is closed.
        Ok(Command::Inspect(inspect)) => told(inspect.run(&mut stdout()).map(drop)),
        Ok(Command::History(history)) => told(history.run(&mut stdout()).map(drop)),
        Ok(Command::Replay(replay)) => replayed(&replay),
        Ok(Command::Lab(play)) => played(&play),
        Ok(Command::List(list)) => {
            let _ = list.run(&mut stdout());
            ExitCode::SUCCESS
        }
    }
}

fn prove(example: &Example) -> ExitCode {
    match example.run(&mut stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(stderr(), "error: {error}\n  {}", error.advice());
            ExitCode::FAILURE
        }
    }
}

fn changed(changed: Result<(), ShrinkError>) -> ExitCode {
    match changed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(stderr(), "error: {error}\n  {}", error.advice());
            ExitCode::FAILURE
        }
    }
}

fn told(told: Result<(), HomeError>) -> ExitCode {
    told.map_or_else(|error| no_ledger(&error), |()| ExitCode::SUCCESS)
}

fn replayed(replay: &Recount) -> ExitCode {
    match replay.run(&mut stdout()) {
        Ok((_, true)) => ExitCode::SUCCESS,
        Ok((_, false)) => ExitCode::FAILURE,
        Err(error) => no_ledger(&error),
    }
}

fn no_ledger(error: &HomeError) -> ExitCode {
    let _ = writeln!(stderr(), "error: {error}\n  {}", error.advice());
    ExitCode::FAILURE
}

fn played(play: &Play) -> ExitCode {
    match play.run(&mut stdout(), stderr().is_terminal()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn verify(check: &Check) -> ExitCode {
    // The verdict is the answer, also where nobody is left to hear the rest.
    match check.run(&mut stdout()).1 {
        Verdict::True => ExitCode::SUCCESS,
        Verdict::Refused => ExitCode::FAILURE,
        Verdict::Unreadable => ExitCode::from(2),
    }
}

fn run(devnet: &Devnet, stopwatch: Stopwatch) -> ExitCode {
    let terminal = Terminal { out: &mut stdout(), err: &mut stderr(), bar: stderr().is_terminal() };
    match devnet.run(stopwatch, terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to hear that standard error is closed.
            let _ = writeln!(stderr(), "error: {error}\n  {}", error.advice());
            ExitCode::FAILURE
        }
    }
}
