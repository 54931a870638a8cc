//! The program `bitneuron`: reads the command line, runs what it asks for, says how it ended.
//!
//! It exits with 0 when all went well, 1 on failure, 2 on a command line that makes no sense.
#![forbid(unsafe_code)]

use bitneuron_node::cli::{Cli, Command};
use bitneuron_node::devnet::{Devnet, Stopwatch, Terminal};
use std::io::{IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let stopwatch = Stopwatch::start();
    match Cli::read(std::env::args_os()) {
        Err(usage) => usage.exit(),
        Ok(Command::Devnet(devnet)) => run(&devnet, stopwatch),
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
