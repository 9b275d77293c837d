//! `annals top`: rates, and who and what occurs most. Everything is counted by the server, from its own clock.

mod counts;
mod draw;
mod screen;

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use annals_model::{Clock, SystemClock};

use self::{draw::Sheet, screen::Screen};
use super::{stop, walk::Question};
use crate::{
    cli::TopArgs,
    client::Client,
    connection::Environment,
    failure::Failure,
    output::{self, size},
};

/// Values of each list where nothing says how many fit.
const ROWS_DEFAULT: usize = 10;
/// The most values of each list, of whatever fits.
const ROWS_MAX: usize = 1_000;

pub(super) fn run(arguments: &TopArgs) -> Result<ExitCode, Failure> {
    let server = arguments.connection.resolve(&Environment::OURS)?;
    let client = Client::of(&server)?;
    let question = Question::new(&arguments.selection)?;
    let colours = arguments.color.on_stdout();
    let rows = arguments.rows.map(usize::from);
    let counts = |client: &Client, rows: usize| {
        counts::ask(client, &question, arguments.window, rows.clamp(1, ROWS_MAX), arguments.ids)
    };
    if arguments.json || arguments.once || !io::stdout().is_terminal() {
        let counts = counts(&client, rows.unwrap_or(ROWS_DEFAULT))?;
        let text = if arguments.json {
            let json = serde_json::to_string_pretty(&counts);
            format!("{}\n", json.map_err(|error| Failure::Output(error.into()))?)
        } else {
            let sheet = Sheet { columns: size::columns(), rows: rows.unwrap_or(ROWS_DEFAULT), colours };
            sheet.lines(&counts).iter().map(|line| format!("{line}\n")).collect()
        };
        output::print(&text)?;
        return Ok(ExitCode::SUCCESS);
    }

    let sheet = |height: usize| {
        let columns = size::columns();
        let rows = rows.unwrap_or_else(|| Sheet::rows_that_fit(columns, height));
        Sheet { columns, rows, colours }
    };
    // The first answer is waited for as patiently as every command waits; after that the next drawing asks again.
    let mut last = counts(&client, sheet(size::height()).rows)?;
    let client = Client::of(&crate::connection::Server { retries: 0, ..server })?;
    let (waker, woken) = mpsc::channel();
    let wake = waker.clone();
    let stopped = stop::flag(move || {
        let _ = wake.send(());
    })?;
    let screen = Screen::open(waker)?;
    let mut trouble: Option<String> = None;
    while !stopped.load(Ordering::SeqCst) {
        let height = size::height();
        let mut lines = vec![headline(&client, arguments.window, trouble.as_deref(), size::columns())];
        lines.extend(sheet(height).lines(&last));
        screen.draw(&lines, height)?;
        if waits(&woken, arguments.interval, &stopped) {
            break;
        }
        match counts(&client, sheet(size::height()).rows) {
            Ok(counts) => (last, trouble) = (counts, None),
            Err(Failure::Unreachable(why)) => trouble = Some(why),
            Err(failure) => {
                drop(screen);
                return Err(failure);
            }
        }
    }
    drop(screen);
    Ok(ExitCode::SUCCESS)
}

/// Waits for the next drawing; whether it is not to come any more.
fn waits(woken: &mpsc::Receiver<()>, interval: Duration, stopped: &AtomicBool) -> bool {
    woken.recv_timeout(interval).is_ok() || stopped.load(Ordering::SeqCst)
}

/// What is looked at, when, and what keeps it from being looked at.
fn headline(client: &Client, window: Duration, trouble: Option<&str>, columns: usize) -> String {
    let text = match trouble {
        None => format!(
            "{}  last {}  {}  (q ends)",
            client.base(),
            draw::length(window.as_secs()),
            SystemClock.now().to_rfc3339_seconds()
        ),
        Some(why) => format!("not up to date: {why}"),
    };
    output::one_line(&text, columns)
}
