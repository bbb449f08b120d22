//! `log-center completions`: what a shell completes.

use super::Ending;
use clap_complete::Shell;
use std::io::{self, Write};

/// For which shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  bash:  log-center completions bash > ~/.local/share/bash-completion/completions/log-center
  zsh:   log-center completions zsh > \"${fpath[1]}/_log-center\"
  fish:  log-center completions fish > ~/.config/fish/completions/log-center.fish")]
pub struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(args: CompletionsArgs, mut program: clap::Command) -> anyhow::Result<Ending> {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, name, &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Ending::Done)
}
