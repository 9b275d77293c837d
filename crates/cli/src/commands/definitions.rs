//! `annals completions` and `annals man`: what shells and readers are told of the command line, made of the definitions
//! that parse it.

use std::{fs, io, process::ExitCode};

use clap::{Command, CommandFactory};

use crate::{
    cli::{Cli, CompletionsArgs, ManArgs},
    failure::Failure,
    output,
};

pub(super) fn completions(arguments: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "annals", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(arguments: &ManArgs) -> Result<ExitCode, Failure> {
    let Some(directory) = &arguments.dir else {
        let page = page(&command(&arguments.command)?)?;
        output::print(&String::from_utf8_lossy(&page))?;
        return Ok(ExitCode::SUCCESS);
    };
    let bad = |error: io::Error| {
        Failure::Refused(format!("cannot write the manual to {}: {error}", directory.display()))
    };
    fs::create_dir_all(directory).map_err(bad)?;
    for command in every(&built()) {
        fs::write(directory.join(format!("{}.1", name(&command))), page(&command)?).map_err(bad)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The definitions with everything that clap adds to them, and without its `help` commands, which have no page.
fn built() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// A command and those below it.
fn every(command: &Command) -> Vec<Command> {
    let inner = command.get_subcommands().filter(|inner| inner.get_name() != "help");
    let below: Vec<Command> = inner.flat_map(every).collect();
    std::iter::once(command.clone()).chain(below).collect()
}

/// The whole name of a command: `annals-keys-new`.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// The command of that name, in words.
fn command(words: &[String]) -> Result<Command, Failure> {
    let wanted =
        std::iter::once("annals").chain(words.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
    let found = every(&built()).into_iter().find(|command| name(command) == wanted);
    found.ok_or_else(|| Failure::Usage(format!("there is no command `{}`", words.join(" "))))
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        every(&built()).iter().map(|command| name(command).to_owned()).collect()
    }

    #[test]
    fn every_command_has_a_page() {
        let names = names();
        for name in ["annals", "annals-query", "annals-tail", "annals-top", "annals-keys-new", "annals-man"] {
            assert!(names.iter().any(|known| known == name), "{name} is not in {names:?}");
        }
        assert_eq!(names.len(), 1 + Cli::command().get_subcommands().count() + 2, "{names:?}");
        for command in every(&built()) {
            let page = String::from_utf8(page(&command).unwrap()).unwrap();
            let name = name(&command);
            assert!(page.contains(&format!(".TH {name} 1")), "{page}");
            assert!(page.contains("SYNOPSIS") && page.contains("OPTIONS"), "{page}");
        }
    }

    #[test]
    fn every_shell_completes_every_command() {
        for shell in clap::ValueEnum::value_variants() {
            let shell: clap_complete::Shell = *shell;
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "annals", &mut script);
            let script = String::from_utf8(script).unwrap();
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell} knows no {}", command.get_name());
            }
            assert!(script.contains("no-pager"), "{shell}");
        }
    }

    #[test]
    fn a_page_is_found_by_the_words_of_its_command() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(name(&command(&words("keys new")).unwrap()), "annals-keys-new");
        assert_eq!(name(&command(&[]).unwrap()), "annals");
        assert!(matches!(command(&words("nonsense")), Err(Failure::Usage(_))));
    }
}
