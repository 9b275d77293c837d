//! Server-sent events as they come over a connection: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
//! A message that was cut off is none.

use std::io::{self, BufRead};

/// Bytes of one line, which holds an event at most.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// One message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// Where to come back to when it was the last one.
    pub(crate) id: Option<String>,
    pub(crate) event: String,
    pub(crate) data: String,
}

/// Reads the next message; `None` when the stream ended. Those with an id alone are messages, too.
///
/// # Errors
/// When the connection breaks, or a line is too long or no text.
pub(crate) fn next(reader: &mut impl BufRead) -> io::Result<Option<Message>> {
    let mut message = Message::default();
    let mut line = String::new();
    loop {
        line.clear();
        io::Read::take(&mut *reader, LINE_BYTES_MAX).read_line(&mut line)?;
        let Some(whole) = line.strip_suffix('\n') else {
            if line.len() as u64 >= LINE_BYTES_MAX {
                return Err(io::Error::other("a message is too long"));
            }
            return Ok(None);
        };
        let whole = whole.strip_suffix('\r').unwrap_or(whole);
        if whole.is_empty() {
            if message == Message::default() {
                continue;
            }
            return Ok(Some(message));
        }
        let (field, value) = whole.split_once(':').unwrap_or((whole, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" if !value.contains('\0') => message.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut message.event),
            "data" => {
                if !message.data.is_empty() {
                    message.data.push('\n');
                }
                message.data.push_str(value);
            }
            // Comments begin with a colon; other fields mean nothing here.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(mut text: &[u8]) -> Vec<Message> {
        let mut found = Vec::new();
        while let Some(message) = next(&mut text).unwrap() {
            found.push(message);
        }
        found
    }

    fn message(id: Option<&str>, event: &str, data: &str) -> Message {
        Message { id: id.map(str::to_owned), event: event.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn messages_are_told_apart_and_comments_left_out() {
        let text = b"retry: 1000\n: now\nid: a\n\nid: b\r\nevent: event\r\ndata: {\"x\": 1}\r\n\r\n: alone\n\n\ndata: 1\ndata:2\n\n";
        let expected = [
            message(Some("a"), "", ""),
            message(Some("b"), "event", "{\"x\": 1}"),
            message(None, "", "1\n2"),
        ];
        assert_eq!(messages(text), expected);
    }

    #[test]
    fn a_message_that_was_cut_off_is_none() {
        let text = b"id: a\ndata: 1\n\nid: b\nevent: event\ndata: 2\n\n";
        let last = text.len() - 1;
        assert_eq!(messages(&text[..last]), [message(Some("a"), "", "1")]);
        for cut in 0..last {
            assert!(messages(&text[..cut]).len() <= 1, "{cut}");
        }
    }
}
