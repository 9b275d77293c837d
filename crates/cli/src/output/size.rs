//! How much fits on the terminal.

use std::io;

use rustix::termios::tcgetwinsize;

/// Characters of a line and lines where there is no terminal to ask.
const SIZE_DEFAULT: (usize, usize) = (100, 24);

/// Characters of a line of stdout.
pub(crate) fn columns() -> usize {
    size().0
}

/// Lines of stdout that are seen at once.
pub(crate) fn height() -> usize {
    size().1
}

fn size() -> (usize, usize) {
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => SIZE_DEFAULT,
    }
}
