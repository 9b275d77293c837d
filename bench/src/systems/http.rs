//! A small HTTP/1.1 client on one kept connection. Not for the world: it speaks to servers on this machine and does as
//! little as it can, because it shares their cores.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// From the first byte of the request to the last one of the answer.
    pub(crate) took: Duration,
}

/// A connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
    authorization: String,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr, authorization: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(|error| format!("{address}: {error}"))?;
        stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(ANSWER_MAX)))
            .map_err(|error| format!("{address}: {error}"))?;
        let stream = BufReader::with_capacity(256 << 10, stream);
        Ok(Self { stream, address, authorization: authorization.to_owned() })
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Answer, String> {
        let request = self.head("GET", path, "");
        self.send(&[&request])
    }

    pub(crate) fn post(&mut self, path: &str, content_type: &str, body: &[u8]) -> Result<Answer, String> {
        let headers = format!("content-type: {content_type}\r\ncontent-length: {}\r\n", body.len());
        let request = self.head("POST", path, &headers);
        self.send(&[&request, body])
    }

    /// Asks for something large and shows it piece by piece; answers the status.
    pub(crate) fn drain(&mut self, path: &str, mut visit: impl FnMut(&[u8])) -> Result<u16, String> {
        let request = self.head("GET", path, "");
        let failed = |error: std::io::Error| format!("the connection broke: {error}");
        self.stream.get_mut().write_all(&request).map_err(failed)?;
        let mut piece = Vec::new();
        visit_answer(&mut self.stream, |stream, bytes| {
            piece.clear();
            read_exactly(stream, bytes, &mut piece)?;
            visit(&piece);
            Ok(())
        })
        .map_err(failed)
    }

    fn head(&self, method: &str, path: &str, headers: &str) -> Vec<u8> {
        let (address, authorization) = (self.address, &self.authorization);
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: {authorization}\r\n{headers}\r\n"
        )
        .into_bytes()
    }

    fn send(&mut self, parts: &[&[u8]]) -> Result<Answer, String> {
        let begun = Instant::now();
        let failed = |error: std::io::Error| format!("the connection broke: {error}");
        for part in parts {
            self.stream.get_mut().write_all(part).map_err(failed)?;
        }
        let (status, body) = read_answer(&mut self.stream).map_err(failed)?;
        Ok(Answer { status, body, took: begun.elapsed() })
    }
}

/// Reads one answer: its status and its body.
fn read_answer(stream: &mut impl BufRead) -> std::io::Result<(u16, Vec<u8>)> {
    let mut body = Vec::new();
    let status = visit_answer(stream, |stream, bytes| read_exactly(stream, bytes, &mut body))?;
    Ok((status, body))
}

/// Reads one answer (RFC 9112, sections 6.2 and 7.1); `take` reads each piece of its body, of which it is told the length.
fn visit_answer<S: BufRead>(
    stream: &mut S,
    mut take: impl FnMut(&mut S, usize) -> std::io::Result<()>,
) -> std::io::Result<u16> {
    let bad = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    read_line(stream, &mut line)?;
    let status = line.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or_else(|| bad("no status"))?;
    let (mut length, mut is_chunked) = (None, false);
    loop {
        read_line(stream, &mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<usize>().ok();
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            is_chunked = value.trim().eq_ignore_ascii_case("chunked");
        }
    }
    if is_chunked {
        loop {
            read_line(stream, &mut line)?;
            let size = line.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size.trim(), 16).map_err(|_| bad("no size of a chunk"))?;
            take(stream, size)?;
            read_line(stream, &mut line)?;
            if size == 0 {
                return Ok(status);
            }
        }
    }
    take(stream, length.ok_or_else(|| bad("an answer without a length"))?)?;
    Ok(status)
}

fn read_exactly(stream: &mut impl BufRead, bytes: usize, body: &mut Vec<u8>) -> std::io::Result<()> {
    let start = body.len();
    body.resize(start + bytes, 0);
    stream.read_exact(&mut body[start..])
}

/// Reads a line without its end.
fn read_line(stream: &mut impl BufRead, line: &mut String) -> std::io::Result<()> {
    line.clear();
    if stream.read_line(line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> std::io::Result<(u16, String)> {
        read_answer(&mut text.as_bytes()).map(|(status, body)| (status, String::from_utf8(body).unwrap()))
    }

    #[test]
    fn bodies_end_where_their_length_says() {
        let (status, body) = read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nx: y\r\n\r\nabcHTTP").unwrap();
        assert_eq!((status, body.as_str()), (200, "abc"));
    }

    #[test]
    fn chunks_are_put_together() {
        let text = "HTTP/1.1 429 Too Many\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(read(text).unwrap(), (429, "abc0123456789".to_owned()));
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        for text in
            ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", "HTTP/1.1\r\n\r\n"]
        {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
