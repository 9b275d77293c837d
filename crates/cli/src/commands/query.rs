//! `annals query`: prints events.

use std::process::ExitCode;

use super::walk::{Page, Question, Walk};
use crate::{
    cli::QueryArgs,
    client::Client,
    failure::Failure,
    output::{self, Format, Pager, size},
};

/// Events that are printed if nothing says how many and nothing pages them.
const EVENTS_DEFAULT: u64 = 50;
/// Lines on the terminal that hold no event: the headings, and what the shell says next.
const LINES_AROUND: u64 = 2;
/// Events of the first page that a pager gets: some screens, so that it is there at once.
const FIRST_PAGE_EVENTS: u64 = 200;

pub(super) fn run(arguments: &QueryArgs) -> Result<ExitCode, Failure> {
    let client = Client::new(&arguments.connection)?;
    let question = Question::new(&arguments.selection)?.between(&arguments.times)?.order(arguments.order);
    let question = if arguments.total { question.with_total() } else { question };
    let format = arguments.format.chosen().unwrap_or_else(Format::of_stdout);
    let pager = if arguments.no_pager { None } else { Pager::of_environment() };

    let limit = arguments.limit.unwrap_or(if pager.is_some() { u64::MAX } else { EVENTS_DEFAULT });
    let mut walk = Walk::new(&client, question, limit);
    if pager.is_some() {
        walk = walk.first_page(FIRST_PAGE_EVENTS);
    }
    // What is wrong with the question is said before a pager begins.
    let first = walk.next()?;
    if let Some(total) = first.as_ref().and_then(Page::total) {
        output::note(&format!("{} events match", output::grouped(total)));
    }
    // A table that is seen at once needs no pager. `less` would stay for columns that do not fit.
    let is_short = format == Format::Table
        && !walk.goes_on()
        && first.as_ref().is_none_or(|page| page.count() + LINES_AROUND < size::height() as u64);
    let pager = pager.filter(|_| !is_short);
    let (sink, running) = match pager.and_then(|pager| pager.start()) {
        Some((sink, running)) => (sink, Some(running)),
        None => (output::stdout(), None),
    };
    let colours = arguments.format.color.on_stdout() && (running.is_none() || Pager::lets_colours_through());
    let mut writer = output::event_writer(format, sink, colours, false);
    let write = || {
        let mut page = first;
        while let Some(events) = page {
            writer.write(&events.events()?)?;
            if running.is_some() {
                writer.flush()?;
            }
            page = walk.next()?;
        }
        writer.finish()?;
        Ok(())
    };
    let written: Result<(), Failure> = write();
    drop(writer);
    if let Some(running) = running {
        running.wait();
    }
    written?;
    if arguments.limit.is_none() && walk.has_more() {
        output::note(&format!("these are the first {EVENTS_DEFAULT} events; --limit N prints more"));
    }
    Ok(ExitCode::SUCCESS)
}
