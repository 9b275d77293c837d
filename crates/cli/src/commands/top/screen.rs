//! The terminal of `annals top`: an alternate screen, keys as they are pressed, and everything as it was in the end.

use std::{
    io::{self, IsTerminal, Read, Write},
    sync::mpsc::Sender,
    thread,
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// To the alternate screen, without a cursor.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";
const HOME: &str = "\u{1b}[H";
const CLEAR_LINE: &str = "\u{1b}[K";
const CLEAR_BELOW: &str = "\u{1b}[J";

/// A terminal that is drawn on.
pub(super) struct Screen {
    /// How it was, where keys are read as they are pressed.
    before: Option<Termios>,
}

impl Screen {
    /// Takes the terminal. `ends` is told when q is pressed.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub(super) fn open(ends: Sender<()>) -> io::Result<Self> {
        let stdin = io::stdin();
        let before = if stdin.is_terminal() { tcgetattr(&stdin).ok() } else { None };
        if let Some(before) = &before {
            let mut keys = before.clone();
            keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            // Without it q needs a return behind it, no more.
            let _ = tcsetattr(&stdin, OptionalActions::Now, &keys);
            thread::spawn(move || {
                let mut keys = io::stdin().lock().bytes().map_while(Result::ok);
                if keys.any(|key| matches!(key, b'q' | b'Q')) {
                    let _ = ends.send(());
                }
            });
        }
        write(ENTER)?;
        Ok(Self { before })
    }

    /// Draws as many of these lines as there is room for.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn draw(&self, lines: &[String], height: usize) -> io::Result<()> {
        let lines: Vec<String> =
            lines.iter().take(height).map(|line| format!("{line}{CLEAR_LINE}")).collect();
        // One write, so that nothing is seen in between; no line end after the last, which would scroll.
        write(&format!("{HOME}{}{CLEAR_BELOW}", lines.join("\r\n")))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = write(LEAVE);
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
