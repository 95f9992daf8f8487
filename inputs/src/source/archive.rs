//! Packed files and archives: gzip, zstd, tar, read as streams.

use super::Take;
use crate::error::InputError;
use flate2::read::MultiGzDecoder;
use std::io::{self, BufReader, Chain, Cursor, Read};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const TAR_BLOCK_BYTES: usize = 512;
const TAR_MAGIC: &[u8] = b"ustar";
const TAR_MAGIC_AT: usize = 257;
/// Largest window of a compressed archive: 128 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// Most bytes that may follow an archive's end mark.
const PADDING_BYTES_MAX: u64 = 1 << 20;

/// Reads a file as it lies there: an archive's files one by one, any other as it is; both unpacked.
pub(super) fn visit(
    name: &str,
    file: &mut dyn Read,
    take: &mut Take<'_>,
) -> Result<(), InputError> {
    let io = |source| InputError::io(name, source);
    let (packed_as, mut content) = unpack(BufReader::new(file)).map_err(io)?;
    let damaged = |error| match (packed_as, error) {
        (Packed::Not, error) => error,
        (_, error) => as_damage(error),
    };
    let (head, mut content) = peek(&mut content).map_err(io).map_err(damaged)?;
    if is_tar(&head) {
        visit_tar(name, &mut content, take)
    } else {
        take(name, &mut content).map_err(damaged)
    }
}

fn is_tar(head: &[u8]) -> bool {
    head.get(TAR_MAGIC_AT..).is_some_and(|rest| rest.starts_with(TAR_MAGIC))
}

fn visit_tar(name: &str, content: impl Read, take: &mut Take<'_>) -> Result<(), InputError> {
    let mut archive = tar::Archive::new(EndMark { inner: content, n_zeroes: 0 });
    let mut last = name.to_owned();
    for entry in archive.entries().map_err(|error| damage(name, &error))? {
        let entry = entry.map_err(|error| damage(&format!("{name}, after {last}"), &error))?;
        let inside = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let path = format!("{name}/{}", inside.trim_start_matches("./"));
        if entry.header().entry_type().is_file() {
            visit_entry(&path, entry, take).map_err(as_damage)?;
        }
        last = inside;
    }
    // What comes after the end mark is padding; a compressed stream checks its sum at its end.
    let mut rest = archive.into_inner();
    let io = |error: io::Error| damage(&format!("{name}, after {last}"), &error);
    let mut padding = Vec::new();
    (&mut rest).take(PADDING_BYTES_MAX + 1).read_to_end(&mut padding).map_err(io)?;
    let is_padding = padding.len() as u64 <= PADDING_BYTES_MAX && padding.iter().all(|it| *it == 0);
    let reason = match (is_padding, rest.n_zeroes < TAR_BLOCK_BYTES) {
        (true, false) => return Ok(()),
        (true, true) => "its end is not where it should be",
        (false, _) => "something follows its end; if it is another archive, give it by itself",
    };
    Err(InputError::Archive { at: format!("{name}, after {last}"), reason: reason.to_owned() })
}

/// A file of an archive may be packed once more; an archive in an archive is not looked into.
fn visit_entry(path: &str, entry: impl Read, take: &mut Take<'_>) -> Result<(), InputError> {
    let (_, mut content) = unpack(entry).map_err(|source| InputError::io(path, source))?;
    take(path, &mut content)
}

fn damage(at: &str, error: &io::Error) -> InputError {
    InputError::Archive { at: at.to_owned(), reason: error.to_string() }
}

/// What cannot be read within an archive is the archive's damage.
fn as_damage(error: InputError) -> InputError {
    match error {
        InputError::Io { at, source } => damage(&at, &source),
        other => other,
    }
}

/// How a stream was packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packed {
    Not,
    Gzip,
    Zstd,
}

/// Unpacks a stream, if it is packed.
fn unpack<'a>(stream: impl Read + 'a) -> io::Result<(Packed, Box<dyn Read + 'a>)> {
    let (head, stream) = peek(stream)?;
    if head.starts_with(&GZIP_MAGIC) {
        Ok((Packed::Gzip, Box::new(MultiGzDecoder::new(stream))))
    } else if head.starts_with(&ZSTD_MAGIC) {
        let mut decoder = zstd::Decoder::new(stream)?;
        decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
        Ok((Packed::Zstd, Box::new(decoder)))
    } else {
        Ok((Packed::Not, Box::new(stream)))
    }
}

/// A stream whose beginning was looked at.
type Peeked<R> = Chain<Cursor<Vec<u8>>, R>;

/// Reads the first block of a stream, and gives the whole stream back with it.
fn peek<R: Read>(mut stream: R) -> io::Result<(Vec<u8>, Peeked<R>)> {
    let mut head = Vec::with_capacity(TAR_BLOCK_BYTES);
    stream.by_ref().take(TAR_BLOCK_BYTES as u64).read_to_end(&mut head)?;
    Ok((head.clone(), Cursor::new(head).chain(stream)))
}

/// Counts the zeroes at the end of what was read. A tar ends with zero blocks; one that was cut
/// between two files would otherwise look whole.
struct EndMark<R> {
    inner: R,
    n_zeroes: usize,
}

impl<R: Read> Read for EndMark<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_bytes = self.inner.read(buffer)?;
        match buffer[..n_bytes].iter().rev().position(|byte| *byte != 0) {
            Some(n_zeroes) => self.n_zeroes = n_zeroes,
            None => self.n_zeroes += n_bytes,
        }
        Ok(n_bytes)
    }
}
