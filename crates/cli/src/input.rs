//! Reading events from files and pipes of any size, one piece at a time: lines, or JSON values wherever they begin.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use annals_model::limits::EVENT_BYTES_MAX;
use indicatif::ProgressBar;
use serde_json::value::RawValue;

use crate::{failure::Failure, output};

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;
/// Bytes of a piece: an event, with room for white space and for a list answer of many events.
const PIECE_BYTES_MAX: usize = EVENT_BYTES_MAX;

/// One line or value of the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The line of the input it begins on, from 1.
    pub(crate) line: u64,
    /// Its bytes, or why it cannot be sent.
    pub(crate) content: Result<Vec<u8>, String>,
}

/// A source of pieces.
pub(crate) trait Pieces {
    /// The next piece; `None` at the end.
    fn next_piece(&mut self) -> io::Result<Option<Piece>>;
}

/// Opens a file, or stdin for `-` and for no name, with a progress line that counts bytes.
pub(crate) fn open(path: Option<&Path>, what: &str) -> Result<(Box<dyn BufRead>, ProgressBar), Failure> {
    let path = path.filter(|path| *path != Path::new("-"));
    let (source, bytes): (Box<dyn Read>, Option<u64>) = match path {
        None => (Box::new(io::stdin()), None),
        Some(path) => {
            let bad = |error: io::Error| Failure::Refused(format!("cannot read {}: {error}", path.display()));
            let file = File::open(path).map_err(bad)?;
            let metadata = file.metadata().map_err(bad)?;
            (Box::new(file), metadata.is_file().then_some(metadata.len()))
        }
    };
    let bar = output::progress_bytes(what, bytes);
    Ok((Box::new(BufReader::with_capacity(READ_BYTES, bar.wrap_read(source))), bar))
}

/// Whether the first byte that is no white space is this one. It stays to be read.
pub(crate) fn begins_with(reader: &mut dyn BufRead, wanted: u8) -> io::Result<bool> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        if let Some(first) = buffer.iter().find(|byte| !byte.is_ascii_whitespace()) {
            return Ok(*first == wanted);
        }
        // White space that fills a whole buffer: nothing that anybody counts lines of.
        let length = buffer.len();
        reader.consume(length);
    }
}

/// The lines of the input that are not blank.
pub(crate) struct Lines {
    reader: Box<dyn BufRead>,
    line: u64,
}

impl Lines {
    pub(crate) fn new(reader: Box<dyn BufRead>) -> Self {
        Self { reader, line: 0 }
    }
}

impl Pieces for Lines {
    fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            let mut line = Vec::new();
            let limit = PIECE_BYTES_MAX as u64 + 1;
            if Read::take(&mut self.reader, limit).read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if line.len() > PIECE_BYTES_MAX && line.last() != Some(&b'\n') {
                skip_line(&mut self.reader)?;
                return Ok(Some(Piece { line: self.line, content: Err(too_long()) }));
            }
            let text = line.trim_ascii();
            if !text.is_empty() {
                return Ok(Some(Piece { line: self.line, content: Ok(text.to_vec()) }));
            }
        }
    }
}

fn too_long() -> String {
    format!("longer than {PIECE_BYTES_MAX} bytes")
}

/// Reads on behind the next line end without keeping what is read.
fn skip_line(reader: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// The JSON values of the input, wherever their lines end; an array at the top is taken apart into its elements.
pub(crate) struct Values {
    reader: Box<dyn BufRead>,
    line: u64,
    /// The line on which the array began that is being taken apart.
    array: Option<u64>,
}

impl Values {
    pub(crate) fn new(reader: Box<dyn BufRead>) -> Self {
        Self { reader, line: 1, array: None }
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.reader.fill_buf()?.first().copied())
    }

    fn take(&mut self, byte: u8) {
        self.reader.consume(1);
        if byte == b'\n' {
            self.line += 1;
        }
    }

    /// Reads one value from its first byte to its last; keeps it unless it is too long.
    fn value(&mut self) -> io::Result<Result<Vec<u8>, String>> {
        let mut kept = Vec::new();
        let mut length = 0_usize;
        let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                let whole = depth == 0 && !in_text;
                return Ok(if whole {
                    checked(kept, length)
                } else {
                    Err("the input ends inside of it".to_owned())
                });
            }
            let mut used = 0;
            let mut ended = false;
            for &byte in buffer {
                if depth == 0 && !in_text && length > 0 {
                    // Only a number or a word can stand here: it ends where something else begins.
                    if byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'[' | b'{' | b'"') {
                        ended = true;
                        break;
                    }
                }
                used += 1;
                length += 1;
                if length <= PIECE_BYTES_MAX {
                    kept.push(byte);
                }
                if byte == b'\n' {
                    self.line += 1;
                }
                if in_text {
                    match byte {
                        _ if escaped => escaped = false,
                        b'\\' => escaped = true,
                        b'"' => in_text = false,
                        _ => {}
                    }
                } else {
                    match byte {
                        b'"' => in_text = true,
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                }
                if depth == 0 && !in_text && matches!(byte, b'}' | b']' | b'"') {
                    ended = true;
                    break;
                }
            }
            self.reader.consume(used);
            if ended {
                return Ok(checked(kept, length));
            }
        }
    }
}

/// A value that is JSON and not too long.
fn checked(kept: Vec<u8>, length: usize) -> Result<Vec<u8>, String> {
    if length > PIECE_BYTES_MAX {
        return Err(too_long());
    }
    match serde_json::from_slice::<&RawValue>(&kept) {
        Ok(_) => Ok(kept),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}

impl Pieces for Values {
    fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            let Some(byte) = self.peek()? else {
                let Some(line) = self.array.take() else { return Ok(None) };
                return Ok(Some(Piece {
                    line,
                    content: Err("the array that begins here does not end".to_owned()),
                }));
            };
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.take(byte),
                b',' if self.array.is_some() => self.take(byte),
                b']' if self.array.is_some() => {
                    self.take(byte);
                    self.array = None;
                }
                b'[' if self.array.is_none() => {
                    self.take(byte);
                    self.array = Some(self.line);
                }
                _ => {
                    let line = self.line;
                    let content = self.value()?;
                    return Ok(Some(Piece { line, content }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(text: &str, buffer_bytes: usize) -> Box<dyn BufRead> {
        Box::new(BufReader::with_capacity(buffer_bytes, io::Cursor::new(text.as_bytes().to_vec())))
    }

    fn all(mut pieces: impl Pieces) -> Vec<(u64, Result<String, String>)> {
        let mut found = Vec::new();
        while let Some(piece) = pieces.next_piece().unwrap() {
            found.push((piece.line, piece.content.map(|bytes| String::from_utf8(bytes).unwrap())));
        }
        found
    }

    fn good(found: Vec<(u64, Result<String, String>)>) -> Vec<(u64, String)> {
        found.into_iter().map(|(line, content)| (line, content.unwrap())).collect()
    }

    fn pairs(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
        expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
    }

    #[test]
    fn lines_keep_their_numbers() {
        let found = good(all(Lines::new(reader("a\n\n  b \r\n\nc", 4))));
        assert_eq!(found, pairs(&[(1, "a"), (3, "b"), (5, "c")]));
    }

    #[test]
    fn a_line_that_is_too_long_is_named_and_passed_over() {
        let text = format!("a\n{}\nb\n", "x".repeat(PIECE_BYTES_MAX + 10));
        let found = all(Lines::new(reader(&text, READ_BYTES)));
        assert_eq!(found.len(), 3);
        assert_eq!(found[1], (2, Err(too_long())));
        assert_eq!(found[2], (3, Ok("b".to_owned())));
        let fitting = format!("{}\nb", "x".repeat(PIECE_BYTES_MAX));
        assert!(all(Lines::new(reader(&fitting, READ_BYTES))).iter().all(|(_, content)| content.is_ok()));
    }

    #[test]
    fn values_are_found_in_every_layout_and_buffer() {
        let layouts: [(&str, &[(u64, &str)]); 6] = [
            ("{\"a\":1}\n{\"a\":2}", &[(1, "{\"a\":1}"), (2, "{\"a\":2}")]),
            ("[{\"a\":1},\n {\"a\":[2,{}]} ]\n", &[(1, "{\"a\":1}"), (2, "{\"a\":[2,{}]}")]),
            ("{\n \"a\": \"}\\\"]\"\n}\n\n[]", &[(1, "{\n \"a\": \"}\\\"]\"\n}")]),
            ("[1, \"x\", null,[2]]\n[true]", &[(1, "1"), (1, "\"x\""), (1, "null"), (1, "[2]"), (2, "true")]),
            ("", &[]),
            (" \n [\n ] ", &[]),
        ];
        for (text, expected) in layouts {
            for buffer_bytes in [1, 2, 3, 5, 1_000] {
                assert_eq!(good(all(Values::new(reader(text, buffer_bytes)))), pairs(expected), "{text}");
            }
        }
    }

    #[test]
    fn bad_values_are_named_and_good_ones_go_on() {
        let found = all(Values::new(reader("{\"a\"}\n{\"b\":1}\n[{\"c\":1},", 3)));
        assert_eq!(found.len(), 4);
        assert!(found[0].1.as_ref().unwrap_err().starts_with("not JSON"));
        assert_eq!(found[1], (2, Ok("{\"b\":1}".to_owned())));
        assert_eq!(found[2], (3, Ok("{\"c\":1}".to_owned())));
        assert_eq!((found[3].0, found[3].1.is_err()), (3, true));
        let found = all(Values::new(reader("\n{\"a\":", 3)));
        assert_eq!(found, [(2, Err("the input ends inside of it".to_owned()))]);
    }

    #[test]
    fn the_first_byte_decides() {
        let mut array = reader("  \n [1]", 2);
        assert!(begins_with(&mut array, b'[').unwrap());
        assert_eq!(good(all(Values::new(array))), pairs(&[(1, "1")]));
        assert!(!begins_with(&mut reader("{}", 10), b'[').unwrap());
        assert!(!begins_with(&mut reader("", 10), b'[').unwrap());
    }
}
