//! `annals tail`: prints events as they are recorded, in the order of the log.
//!
//! A thread reads the stream and hands its messages over; this one writes them and remembers the id of the last that was
//! written. When the stream breaks off, or is silent for longer than its signs of life are apart, another thread goes on
//! behind that id: nothing is lost and nothing repeated.

use std::{
    io::{self, BufReader, IsTerminal},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TryRecvError},
    },
    thread,
    time::{Duration, Instant},
};

use annals_model::LogCursor;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    stop,
    walk::{Question, Walk},
};
use crate::{
    cli::{Order, TailArgs, Times},
    client::{Client, Opened},
    failure::Failure,
    output::{self, EventWriter, Format},
    sse::{self, Message},
};

/// Messages that were read and not written yet.
const MESSAGES_MAX: usize = 256;
/// The longest silence of a stream. A server gives a sign of life every fifteen seconds unless it is told otherwise.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// The first wait before a stream is opened again; it doubles every time.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// The longest wait before a stream is opened again, unless the server asks for more.
const BACKOFF_MAX: Duration = Duration::from_secs(15);
/// The longest wait that a server may ask for.
const ASKED_MAX: Duration = Duration::from_secs(60);

/// What a thread that reads a stream tells. The number says which of them it is: those given up may still talk.
enum News {
    Message(u64, Message),
    /// It ended, or did not begin: why, and how long the server asks to wait.
    Broke(u64, String, Option<Duration>),
    Refused(u64, String),
    Failed(u64, Failure),
    /// Only wakes who listens.
    Stop,
}

pub(super) fn run(arguments: &TailArgs) -> Result<ExitCode, Failure> {
    let client = Arc::new(Client::new(&arguments.connection)?);
    let question = Question::new(&arguments.selection)?;
    // What is wrong with it is said before anything is asked.
    question.instant("since", arguments.since.as_deref())?;
    let format = arguments.format.chosen().unwrap_or_else(Format::of_stdout);
    // An array would have no end.
    let format = if format == Format::Json { Format::Ndjson } else { format };
    let colours = arguments.format.color.on_stdout();
    let (sender, receiver) = mpsc::sync_channel(MESSAGES_MAX);
    let wake = sender.clone();
    let stopped = stop::flag(move || {
        let _ = wake.try_send(News::Stop);
    })?;
    let mut tail = Tail {
        client,
        path: question.path("/api/v1/events/stream"),
        writer: output::event_writer(format, output::stdout(), colours, true),
        sender,
        receiver,
        stopped,
        talks: arguments.verbose || io::stderr().is_terminal(),
        retries: arguments.connection.retries,
        reader: Arc::default(),
        place: None,
        attempts: 0,
        backoff: BACKOFF_FIRST,
    };
    tail.follow(|tail, place| tail.begin(&question, arguments, place))?;
    tail.writer.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// What is followed.
struct Tail {
    client: Arc<Client>,
    path: String,
    writer: Box<dyn EventWriter>,
    sender: SyncSender<News>,
    receiver: Receiver<News>,
    stopped: Arc<AtomicBool>,
    /// Whether losing and finding the connection is worth a line.
    talks: bool,
    /// How often the first attempt is repeated; later ones are repeated for ever.
    retries: u32,
    /// Which thread counts. One that was given up and hears something after all sees it here, and ends.
    reader: Arc<AtomicU64>,
    /// The id of the last message that was written.
    place: Option<String>,
    /// Attempts since something last came.
    attempts: u32,
    backoff: Duration,
}

impl Tail {
    /// Follows until it is stopped. `begin` writes what comes before the stream, which begins behind the place it is
    /// given.
    fn follow(&mut self, begin: impl FnOnce(&mut Self, &str) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut begin = Some(begin);
        self.open();
        while !self.stopped.load(Ordering::SeqCst) {
            match self.news()? {
                Some(News::Message(reader, message)) if self.counts(reader) => {
                    if let (Some(begin), Some(place)) = (begin.take(), &message.id) {
                        begin(self, &place.clone())?;
                    }
                    self.take(message)?;
                }
                Some(News::Broke(reader, why, asked)) if self.counts(reader) => {
                    self.come_back(&why, asked)?;
                }
                Some(News::Refused(reader, why)) if self.counts(reader) => {
                    return Err(Failure::Refused(why));
                }
                Some(News::Failed(reader, failure)) if self.counts(reader) => return Err(failure),
                Some(_) => {}
                None => self.come_back(&format!("nothing came for {} s", SILENCE_MAX.as_secs()), None)?,
            }
        }
        Ok(())
    }

    /// What comes next; `None` when nothing comes. What was written is seen before it is waited for.
    fn news(&mut self) -> Result<Option<News>, Failure> {
        match self.receiver.try_recv() {
            Ok(news) => return Ok(Some(news)),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => self.writer.flush()?,
        }
        match self.receiver.recv_timeout(SILENCE_MAX) {
            Ok(news) => Ok(Some(news)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(None),
        }
    }

    fn counts(&self, reader: u64) -> bool {
        self.reader.load(Ordering::SeqCst) == reader
    }

    fn take(&mut self, message: Message) -> Result<(), Failure> {
        if self.attempts > 1 && self.talks {
            output::note(&format!("{}: following again", self.client.base()));
        }
        self.attempts = 0;
        self.backoff = BACKOFF_FIRST;
        if message.event == "event" {
            let event: &RawValue =
                serde_json::from_str(&message.data).map_err(|error| super::walk::not_ours(&error))?;
            self.writer.write(&[event])?;
        }
        if message.id.is_some() {
            self.place = message.id;
        }
        Ok(())
    }

    /// Opens the stream behind the last place, on a thread of its own.
    fn open(&mut self) {
        let reader = self.reader.fetch_add(1, Ordering::SeqCst) + 1;
        self.attempts = self.attempts.saturating_add(1);
        let (client, path, place) = (Arc::clone(&self.client), self.path.clone(), self.place.clone());
        let (sender, current) = (self.sender.clone(), Arc::clone(&self.reader));
        thread::spawn(move || read(&client, &path, place.as_deref(), (reader, &current), &sender));
    }

    /// Waits, and opens the stream again.
    fn come_back(&mut self, why: &str, asked: Option<Duration>) -> Result<(), Failure> {
        let base = self.client.base();
        if self.place.is_none() && self.attempts > self.retries {
            return Err(Failure::Unreachable(format!("{base}: {why} (tried {} times)", self.attempts)));
        }
        let wait = asked.unwrap_or(self.backoff).min(ASKED_MAX);
        if self.talks {
            output::note(&format!("{base}: {why}; coming back in {} s", wait.as_secs_f32()));
        }
        self.backoff = self.backoff.saturating_mul(2).min(BACKOFF_MAX);
        // One that was connected and broke off is an attempt that failed, too.
        self.attempts = self.attempts.max(1);
        let until = Instant::now() + wait;
        while !self.stopped.load(Ordering::SeqCst) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.open();
                break;
            }
            // Whatever threads that were given up say is of no interest; a signal wakes.
            let _ = self.receiver.recv_timeout(left);
        }
        Ok(())
    }

    /// Writes the events that are to come first: those in the log up to the place where the stream begins.
    fn begin(&mut self, question: &Question, arguments: &TailArgs, place: &str) -> Result<(), Failure> {
        if arguments.last.is_none() && arguments.since.is_none() {
            return Ok(());
        }
        let end = place.parse().map(|cursor: LogCursor| cursor.seq).map_err(|error| {
            Failure::Unreachable(format!("the answer is not that of an Annals server: {error}"))
        })?;
        let client = Arc::clone(&self.client);
        if let Some(last) = arguments.last {
            let mut newest: Vec<Box<RawValue>> = Vec::new();
            let missing = |found: &Vec<_>| last.saturating_sub(found.len() as u64);
            let mut walk = Walk::new(&client, question.clone().order(Order::Desc), u64::MAX)
                .first_page(last.clamp(1, 1_000));
            while missing(&newest) > 0
                && let Some(page) = walk.next()?
            {
                for event in page.events()? {
                    if missing(&newest) > 0 && is_up_to(event, end)? {
                        newest.push(event.to_owned());
                    }
                }
            }
            let oldest_first: Vec<&RawValue> = newest.iter().rev().map(AsRef::as_ref).collect();
            self.writer.write(&oldest_first)?;
        }
        if arguments.since.is_some() {
            let times = Times { from: arguments.since.clone(), to: None };
            let question = question.clone().between(&times)?.order(Order::Asc);
            let mut walk = Walk::new(&client, question, u64::MAX);
            while !self.stopped.load(Ordering::SeqCst)
                && let Some(page) = walk.next()?
            {
                for event in page.events()? {
                    if is_up_to(event, end)? {
                        self.writer.write(&[event])?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether an event is in the log up to a place. Those behind it come with the stream.
fn is_up_to(event: &RawValue, end: u64) -> Result<bool, Failure> {
    #[derive(Deserialize)]
    struct Place {
        seq: u64,
    }
    let place: Place = serde_json::from_str(event.get()).map_err(|error| super::walk::not_ours(&error))?;
    Ok(place.seq <= end)
}

/// Reads a stream until it ends, another is read in its place, or nobody listens any more.
fn read(
    client: &Client,
    path: &str,
    place: Option<&str>,
    (reader, current): (u64, &AtomicU64),
    sender: &SyncSender<News>,
) {
    let news = match client.open_stream(path, place) {
        Err(failure) => News::Failed(reader, failure),
        Ok(Opened::Refused(refusal)) => News::Refused(reader, refusal.to_string()),
        Ok(Opened::Again(why, asked)) => News::Broke(reader, why, asked),
        Ok(Opened::Stream(stream)) => {
            let mut stream = BufReader::new(stream);
            loop {
                match sse::next(&mut stream) {
                    Ok(Some(message)) => {
                        let is_given_up = current.load(Ordering::SeqCst) != reader;
                        if is_given_up || sender.send(News::Message(reader, message)).is_err() {
                            return;
                        }
                    }
                    Ok(None) => break News::Broke(reader, "the stream ended".to_owned(), None),
                    Err(error) => break News::Broke(reader, format!("the stream broke off: {error}"), None),
                }
            }
        }
    };
    let _ = sender.send(news);
}
