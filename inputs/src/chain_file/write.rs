//! A chain written down: `chain.rlp` and `genesis.json`, as other clients import them.

use super::{CHAIN_NAME, GENESIS_NAME, export};
use crate::{error::InputError, input::Input};
use alloy_primitives::B256;
use flate2::{Compression, write::GzEncoder};
use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

/// What a chain is called when it is packed.
const CHAIN_NAME_PACKED: &str = "chain.rlp.gz";

/// How a chain is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Packs the blocks: `chain.rlp.gz`.
    pub gzip: bool,
    /// Writes into a folder that holds other files. A chain and a genesis that are there are
    /// replaced, nothing else is touched.
    pub force: bool,
}

/// Writes an input's genesis and blocks into a folder, which is made if it is not there. Its blocks
/// have to be one line from its genesis on.
///
/// A folder that was not there appears with both files in it or not at all. In one that was there
/// each file is whole or not there, whatever goes wrong.
///
/// # Errors
/// If the input is no chain, the folder holds files and is not to be written into, or the system
/// refuses.
pub fn write_chain(
    input: &Input,
    folder: &Path,
    options: WriteOptions,
) -> Result<Written, InputError> {
    let at = folder.to_string_lossy().into_owned();
    let failed = |source| InputError::Write { at: at.clone(), source };
    let found = Found::at(folder).map_err(failed)?;
    if found == Found::Files && !options.force {
        return Err(InputError::Occupied { at });
    }
    let files = Files {
        genesis: export::genesis(input)?,
        blocks: export::blocks(input)?,
        gzip: options.gzip,
    };
    let head = export::head(input)?;
    let written = match (found, folder.parent(), folder.file_name()) {
        (Found::Nothing, Some(parent), Some(name)) => files.write_new(parent, folder, name),
        _ => files.write_into(folder),
    };
    written.map_err(failed)?;
    Ok(Written {
        chain: folder.join(files.chain_name()),
        genesis: folder.join(GENESIS_NAME),
        n_blocks: files.blocks.len(),
        n_accounts: input.parent.values().map_or(0, |state| state.accounts.len()),
        head,
    })
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The file with the blocks.
    pub chain: PathBuf,
    /// The file with the genesis.
    pub genesis: PathBuf,
    /// Number of blocks.
    pub n_blocks: usize,
    /// Number of accounts of the genesis.
    pub n_accounts: usize,
    /// Hash of the last block.
    pub head: B256,
}

/// What is in a folder's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Empty,
    Files,
}

impl Found {
    fn at(folder: &Path) -> io::Result<Self> {
        match fs::read_dir(folder) {
            Ok(mut entries) => Ok(if entries.next().is_none() { Self::Empty } else { Self::Files }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::Nothing),
            Err(error) => Err(error),
        }
    }
}

/// What is to be written.
struct Files<'a> {
    genesis: Vec<u8>,
    blocks: Vec<&'a [u8]>,
    gzip: bool,
}

impl Files<'_> {
    /// Makes the folder under another name and gives it its own when both files are in it.
    fn write_new(&self, parent: &Path, folder: &Path, name: &OsStr) -> io::Result<()> {
        // The parent of a bare name is the empty path.
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        fs::create_dir_all(parent)?;
        let draft = parent.join(draft_name(&name.to_string_lossy()));
        let written = fs::create_dir(&draft)
            .and_then(|()| self.write_into(&draft))
            .and_then(|()| fs::rename(&draft, folder))
            .and_then(|()| File::open(parent)?.sync_all());
        if written.is_err() && draft.is_dir() {
            // The first error is the one to report.
            let _ = fs::remove_dir_all(&draft);
        }
        written
    }

    /// Writes both files under other names and gives them their own when both are whole.
    fn write_into(&self, folder: &Path) -> io::Result<()> {
        let genesis = Draft::write(folder, GENESIS_NAME, |file| file.write_all(&self.genesis))?;
        let chain = Draft::write(folder, self.chain_name(), |file| self.write_blocks(file))?;
        // Of two chains in one folder one would be the old one.
        remove_if_there(&folder.join(if self.gzip { CHAIN_NAME } else { CHAIN_NAME_PACKED }))?;
        genesis.publish()?;
        chain.publish()?;
        File::open(folder)?.sync_all()
    }

    const fn chain_name(&self) -> &'static str {
        if self.gzip { CHAIN_NAME_PACKED } else { CHAIN_NAME }
    }

    fn write_blocks(&self, file: &mut File) -> io::Result<()> {
        if self.gzip {
            let mut encoder = GzEncoder::new(file, Compression::default());
            self.blocks.iter().try_for_each(|block| encoder.write_all(block))?;
            encoder.finish().map(|_| ())
        } else {
            let mut file = io::BufWriter::new(file);
            self.blocks.iter().try_for_each(|block| file.write_all(block))?;
            file.flush()
        }
    }
}

/// Returns the name of something while it is written.
fn draft_name(name: &str) -> String {
    format!(".{name}.{}", process::id())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A file under a name of its own until it is whole; gone if it never is.
struct Draft {
    path: PathBuf,
    target: PathBuf,
}

impl Draft {
    /// Writes a file beside its target, to the disk.
    fn write(
        folder: &Path,
        name: &str,
        content: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<Self> {
        let target = folder.join(name);
        if target.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                format!("a folder is called {name}"),
            ));
        }
        let path = folder.join(draft_name(name));
        let mut file = File::create(&path)?;
        let draft = Self { path, target };
        content(&mut file)?;
        file.sync_all()?;
        Ok(draft)
    }

    fn publish(&self) -> io::Result<()> {
        fs::rename(&self.path, &self.target)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After it was published it is not there; that it cannot be removed is for its writer's
        // error to say.
        let _ = fs::remove_file(&self.path);
    }
}
