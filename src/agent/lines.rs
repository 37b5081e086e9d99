//! Lines of a limited length from a stream that may send any amount.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// What the stream held next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line without its line feed.
    Text(Vec<u8>),
    /// A line longer than the limit. It was skipped, never held in memory.
    TooLong,
    End,
}

/// Reads up to the next line feed, or to the end of the stream. `limit` counts the line feed.
pub(super) async fn next_line<R: AsyncBufRead + Unpin>(reader: &mut R, limit: usize) -> io::Result<Line> {
    let mut line = Vec::new();
    let mut is_too_long = false;
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok(match (is_too_long, line.is_empty()) {
                (true, _) => Line::TooLong,
                (false, true) => Line::End,
                (false, false) => Line::Text(line),
            });
        }
        let (part, used, is_done) = match available.iter().position(|byte| *byte == b'\n') {
            Some(at) => (available.get(..at).unwrap_or_default(), at + 1, true),
            None => (available, available.len(), false),
        };
        if line.len() + part.len() >= limit {
            is_too_long = true;
            line = Vec::new();
        }
        if !is_too_long {
            line.extend_from_slice(part);
        }
        reader.consume(used);
        if is_done {
            return Ok(if is_too_long { Line::TooLong } else { Line::Text(line) });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::{Line, next_line};

    async fn all(text: &[u8], limit: usize) -> Vec<Line> {
        // a small buffer, so that lines span several reads
        let mut reader = BufReader::with_capacity(4, text);
        let mut lines = Vec::new();
        loop {
            match next_line(&mut reader, limit).await.unwrap() {
                Line::End => return lines,
                line @ (Line::Text(_) | Line::TooLong) => lines.push(line),
            }
        }
    }

    #[tokio::test]
    async fn lines_end_at_a_line_feed_or_the_end() {
        assert_eq!(all(b"one\n\ntwo", 10).await, [Line::Text(b"one".into()), Line::Text(vec![]), Line::Text(b"two".into())]);
        assert_eq!(all(b"", 10).await, []);
    }

    #[tokio::test]
    async fn a_long_line_is_skipped_and_the_next_is_read() {
        let lines = all(b"123456789\n1234567890\nok\n12345678901234", 10).await;
        assert_eq!(lines, [Line::Text(b"123456789".into()), Line::TooLong, Line::Text(b"ok".into()), Line::TooLong]);
    }
}
