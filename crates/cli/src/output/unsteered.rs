//! What others sent, on our terminal: every control character that could steer it is replaced. Tabs and the ends of lines
//! stay. What is not for a terminal is never changed.

use std::io::{self, IsTerminal, Write};

/// What stands for a control character.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
/// The first byte of those from U+0080 to U+009F in UTF-8.
const C1_LEAD: u8 = 0xC2;

/// The sink, or what keeps control characters from it where stdout is a terminal.
pub(crate) fn unsteered<'w>(sink: Box<dyn Write + 'w>) -> Box<dyn Write + 'w> {
    if io::stdout().is_terminal() { Box::new(Unsteered { sink, held: None }) } else { sink }
}

struct Unsteered<W: Write> {
    sink: W,
    /// A byte whose next one decides what it is: `\r` or [`C1_LEAD`].
    held: Option<u8>,
}

impl<W: Write> Write for Unsteered<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut out = Vec::with_capacity(bytes.len() + REPLACEMENT.len());
        for &byte in bytes {
            match (self.held.take(), byte) {
                (Some(b'\r'), b'\n') => {
                    out.extend(b"\r\n");
                    continue;
                }
                (Some(C1_LEAD), 0x80..=0x9F) => {
                    out.extend(REPLACEMENT);
                    continue;
                }
                (Some(b'\r'), _) => out.extend(REPLACEMENT),
                (Some(held), _) => out.push(held),
                (None, _) => {}
            }
            match byte {
                b'\r' | C1_LEAD => self.held = Some(byte),
                b'\n' | b'\t' => out.push(byte),
                _ if byte.is_ascii_control() => out.extend(REPLACEMENT),
                _ => out.push(byte),
            }
        }
        self.sink.write_all(&out)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced_wherever_a_write_ends() {
        let text = "a\u{1b}[2J\r\n\u{9b}1mb\rc\u{7f}\té\u{a9}\u{c2}\n";
        let expected = "a\u{fffd}[2J\r\n\u{fffd}1mb\u{fffd}c\u{fffd}\té\u{a9}\u{c2}\n";
        for cut in 0..=text.len() {
            let mut out = Vec::new();
            let mut writer = Unsteered { sink: &mut out, held: None };
            let (first, second) = text.as_bytes().split_at(cut);
            writer.write_all(first).unwrap();
            writer.write_all(second).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{cut}");
        }
    }
}
