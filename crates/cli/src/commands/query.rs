//! `annals query`: prints events.

use std::process::ExitCode;

use super::walk::Walk;
use crate::{
    cli::QueryArgs,
    client::Client,
    failure::Failure,
    output::{self, Format},
};

pub(super) fn run(arguments: &QueryArgs) -> Result<ExitCode, Failure> {
    let client = Client::new(&arguments.connection)?;
    let walk = Walk::new(&client, &arguments.selection, arguments.order, arguments.total)?;
    let format = arguments.format.unwrap_or_else(Format::of_stdout);
    let mut writer = output::event_writer(format, output::stdout());
    walk.run(arguments.limit, |events, total| {
        writer.write(events)?;
        if let Some(total) = total {
            output::note(&format!("{} events match", output::grouped(total)));
        }
        Ok(())
    })?;
    writer.finish()?;
    Ok(ExitCode::SUCCESS)
}
