//! `annals profiles`: lists the servers that have a name. No token is read, asked for or shown.

use std::{fmt::Write, process::ExitCode};

use serde_json::json;

use crate::{cli::ProfilesArgs, connection::Environment, failure::Failure, output, profiles::Profiles};

pub(super) fn run(arguments: &ProfilesArgs) -> Result<ExitCode, Failure> {
    let profiles = arguments.file.load(&Environment::OURS)?;
    let text = if arguments.json {
        let list: Vec<_> = profiles.iter().flat_map(Profiles::iter).collect();
        let list = list.iter().map(|(name, profile, is_default)| {
            json!({
                "name": name,
                "url": profile.url,
                "default": is_default,
                "token": profile.token_from(),
                "ca_file": profile.ca_file,
            })
        });
        format!("{:#}\n", serde_json::Value::from_iter(list))
    } else {
        table(profiles.as_ref())
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn table(profiles: Option<&Profiles>) -> String {
    let rows: Vec<[String; 3]> = profiles
        .into_iter()
        .flat_map(Profiles::iter)
        .map(|(name, profile, is_default)| {
            let mark = if is_default { "* " } else { "  " };
            [format!("{mark}{name}"), profile.url.clone(), profile.token_from()]
                .map(|text| output::one_line(&text, usize::MAX))
        })
        .collect();
    let mut text = String::new();
    if rows.is_empty() {
        output::note("there are no profiles; annals profiles --help shows how to make some");
        return text;
    }
    let heading = ["  NAME", "URL", "TOKEN"].map(str::to_owned);
    let width = |column: usize| {
        let cells = std::iter::once(&heading).chain(&rows);
        cells.map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths = [width(0), width(1)];
    for [name, url, token] in std::iter::once(&heading).chain(&rows) {
        // A string takes everything.
        let _ = writeln!(text, "{name:0$}  {url:1$}  {token}", widths[0], widths[1]);
    }
    text
}
