//! Colours: when there are any, and which.

use std::{
    env,
    fmt::Display,
    io::{self, IsTerminal},
};

use clap::ValueEnum;

/// When colours are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Also elsewhere
    Always,
    /// Nowhere
    Never,
}

impl When {
    /// Whether stdout gets colours: <https://no-color.org>.
    pub(crate) fn on_stdout(self) -> bool {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        self.decide(io::stdout().is_terminal(), set("NO_COLOR") || is_dumb)
    }

    const fn decide(self, is_terminal: bool, is_refused: bool) -> bool {
        match self {
            Self::Auto => is_terminal && !is_refused,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// How a text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
}

impl Style {
    /// How an outcome is shown.
    pub(crate) fn of_outcome(outcome: &str) -> Option<Self> {
        match outcome {
            "success" => Some(Self::Green),
            "failure" => Some(Self::Red),
            "pending" => Some(Self::Yellow),
            _ => None,
        }
    }

    /// The text in this style, for a terminal.
    pub(crate) fn on(self, text: impl Display) -> String {
        let code = match self {
            Self::Bold => 1,
            Self::Dim => 2,
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_comes_before_the_terminal() {
        for (when, is_terminal, is_refused, expected) in [
            (When::Auto, true, false, true),
            (When::Auto, true, true, false),
            (When::Auto, false, false, false),
            (When::Always, false, true, true),
            (When::Never, true, false, false),
        ] {
            assert_eq!(when.decide(is_terminal, is_refused), expected, "{when:?} {is_terminal} {is_refused}");
        }
    }
}
