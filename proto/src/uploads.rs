//! What a server does with a state that comes in pieces.

use crate::{
    convert::{DecodeError, Reason, state_pieces::StateAssembler},
    state::{LoadGenesisRequest, LoadSnapshotRequest, SnapshotContents},
    status::Status,
    wire::v1,
};
use futures::{Stream, StreamExt};

/// A message that is the header of an upload or a piece of it.
trait UploadPart {
    /// What the header says.
    type Header;

    /// Takes it apart; `None` is an empty message.
    fn open(self) -> Option<Opened<Self::Header>>;
}

/// A header or a piece.
enum Opened<H> {
    Header(H),
    Piece(Box<v1::StatePiece>),
}

macro_rules! upload_part {
    ($message:ident, $module:ident, $header:ident) => {
        impl UploadPart for v1::$message {
            type Header = v1::$header;

            fn open(self) -> Option<Opened<v1::$header>> {
                Some(match self.part? {
                    v1::$module::Part::Header(header) => Opened::Header(header),
                    v1::$module::Part::Piece(piece) => Opened::Piece(Box::new(piece)),
                })
            }
        }
    };
}

upload_part!(LoadGenesisRequest, load_genesis_request, GenesisHeader);
upload_part!(ShardLoadGenesisRequest, shard_load_genesis_request, GenesisHeader);
upload_part!(LoadSnapshotRequest, load_snapshot_request, SnapshotContents);
upload_part!(ShardLoadSnapshotRequest, shard_load_snapshot_request, SnapshotHeader);

/// Takes in a genesis for the coordinator, of `bytes_max` bytes at most.
///
/// # Errors
/// `InvalidArgument` with the field's name; what the stream fails with.
pub async fn genesis(
    parts: impl Stream<Item = Result<v1::LoadGenesisRequest, tonic::Status>> + Unpin,
    bytes_max: usize,
) -> Result<LoadGenesisRequest, Status> {
    let (header, state) = header_and_pieces(parts, bytes_max).await?;
    Ok(LoadGenesisRequest { state: state.finish()?, ..header.try_into()? })
}

/// Takes in a genesis for a state shard, of `bytes_max` bytes at most.
///
/// # Errors
/// `InvalidArgument` with the field's name; what the stream fails with.
pub async fn shard_genesis(
    parts: impl Stream<Item = Result<v1::ShardLoadGenesisRequest, tonic::Status>> + Unpin,
    bytes_max: usize,
) -> Result<LoadGenesisRequest, Status> {
    let (header, state) = header_and_pieces(parts, bytes_max).await?;
    Ok(LoadGenesisRequest { state: state.finish()?, ..header.try_into()? })
}

/// Takes in what a Snapshot is made from, for a state shard; of `bytes_max` bytes at most.
///
/// # Errors
/// `InvalidArgument` with the field's name; what the stream fails with.
pub async fn shard_snapshot(
    parts: impl Stream<Item = Result<v1::ShardLoadSnapshotRequest, tonic::Status>> + Unpin,
    bytes_max: usize,
) -> Result<LoadSnapshotRequest, Status> {
    let (header, state) = header_and_pieces(parts, bytes_max).await?;
    let contents = header.contents.ok_or_else(|| missing("header.contents"))?;
    let contents = state.finish_contents(&contents)?;
    Ok(LoadSnapshotRequest { number: header.number, contents })
}

/// Takes in what a Snapshot is made from, for the coordinator; of `bytes_max` bytes at most.
///
/// # Errors
/// `InvalidArgument` with the field's name; what the stream fails with.
pub async fn snapshot(
    parts: impl Stream<Item = Result<v1::LoadSnapshotRequest, tonic::Status>> + Unpin,
    bytes_max: usize,
) -> Result<SnapshotContents, Status> {
    let (header, state) = header_and_pieces(parts, bytes_max).await?;
    Ok(state.finish_contents(&header)?)
}

async fn header_and_pieces<P: UploadPart>(
    mut parts: impl Stream<Item = Result<P, tonic::Status>> + Unpin,
    bytes_max: usize,
) -> Result<(P::Header, StateAssembler), Status> {
    let mut state = StateAssembler::new(bytes_max);
    let mut header = None;
    while let Some(part) = parts.next().await {
        match part?.open().ok_or_else(|| missing("part"))? {
            Opened::Header(first) if header.is_none() => header = Some(first),
            Opened::Header(_) => return Err(DecodeError::new("header", Reason::Unexpected).into()),
            Opened::Piece(_) if header.is_none() => return Err(missing("header").into()),
            Opened::Piece(piece) => state.take(*piece)?,
        }
    }
    Ok((header.ok_or_else(|| missing("header"))?, state))
}

fn missing(field: &str) -> DecodeError {
    DecodeError::new(field, Reason::Missing)
}
