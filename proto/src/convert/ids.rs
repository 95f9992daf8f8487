//! Names, fixed-size byte strings and versions.

use super::{At, DecodeError, Reason, Required};
use crate::{status, version, wire::v1};
use alloy_primitives::{Address, B256, U256};
use bytes::Bytes;
use engine::{
    block::Code,
    ids::{JobId, SnapshotId, Term},
};

/// Copies a fixed-size value into bytes.
pub(super) fn bytes_of(value: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(value.as_ref())
}

/// Reads exactly `N` bytes.
pub(super) fn fixed<const N: usize>(bytes: &Bytes, field: &str) -> Result<[u8; N], DecodeError> {
    bytes
        .as_ref()
        .try_into()
        .map_err(|_| DecodeError::new(field, Reason::Length { given: bytes.len(), expected: N }))
}

/// Reads a hash.
pub(super) fn hash(bytes: &Bytes, field: &str) -> Result<B256, DecodeError> {
    fixed(bytes, field).map(B256::new)
}

/// Reads a hash that may be absent.
pub(super) fn optional_hash(
    bytes: Option<&Bytes>,
    field: &str,
) -> Result<Option<B256>, DecodeError> {
    bytes.map(|bytes| hash(bytes, field)).transpose()
}

/// Reads an address.
pub(super) fn address(bytes: &Bytes, field: &str) -> Result<Address, DecodeError> {
    fixed(bytes, field).map(Address::new)
}

/// Reads a 256-bit number of a field of its own.
pub(super) fn number(bytes: &Bytes, field: &str) -> Result<U256, DecodeError> {
    fixed(bytes, field).map(U256::from_be_bytes::<32>)
}

/// Writes a 256-bit number of a field of its own.
pub(super) fn number_bytes(number: U256) -> Bytes {
    bytes_of(number.to_be_bytes::<32>())
}

/// Reads a number of an enum, which zero and unknown numbers are not.
pub(super) fn enumeration<E: TryFrom<i32>>(number: i32, field: &str) -> Result<E, DecodeError> {
    E::try_from(number).map_err(|_| unknown(number, field))
}

/// Returns the error of an enum's number that stands for nothing.
pub(super) fn unknown(number: i32, field: &str) -> DecodeError {
    let given = u64::from(number.unsigned_abs());
    DecodeError::new(field, Reason::Unknown { given })
}

impl From<JobId> for v1::JobId {
    fn from(job: JobId) -> Self {
        Self { term: job.term.get(), sequence: job.sequence }
    }
}

impl From<v1::JobId> for JobId {
    fn from(job: v1::JobId) -> Self {
        Self { term: Term::new(job.term), sequence: job.sequence }
    }
}

/// Reads a job's id, which has to be there.
pub(super) fn job(job: Option<v1::JobId>) -> Result<JobId, DecodeError> {
    job.required("job_id").map(JobId::from)
}

impl From<SnapshotId> for v1::SnapshotId {
    fn from(snapshot: SnapshotId) -> Self {
        let id = match snapshot {
            SnapshotId::Block(hash) => v1::snapshot_id::Id::BlockHash(bytes_of(hash)),
            SnapshotId::Job(job) => v1::snapshot_id::Id::Job(job.into()),
            SnapshotId::Loaded(number) => v1::snapshot_id::Id::Loaded(number),
        };
        Self { id: Some(id) }
    }
}

impl TryFrom<v1::SnapshotId> for SnapshotId {
    type Error = DecodeError;

    fn try_from(snapshot: v1::SnapshotId) -> Result<Self, DecodeError> {
        Ok(match snapshot.id.required("id")? {
            v1::snapshot_id::Id::BlockHash(bytes) => Self::Block(hash(&bytes, "block_hash")?),
            v1::snapshot_id::Id::Job(job) => Self::Job(job.into()),
            v1::snapshot_id::Id::Loaded(number) => Self::Loaded(number),
        })
    }
}

/// Reads a Snapshot's id, which has to be there.
pub(super) fn snapshot(
    snapshot: Option<v1::SnapshotId>,
    field: &str,
) -> Result<SnapshotId, DecodeError> {
    snapshot.required(field)?.try_into().at(field)
}

impl From<version::Version> for v1::ProtocolVersion {
    fn from(version: version::Version) -> Self {
        Self { major: version.major, minor: version.minor }
    }
}

/// Reads the other side's version, which has to work with ours.
pub(super) fn protocol(
    theirs: Option<v1::ProtocolVersion>,
) -> Result<version::Version, DecodeError> {
    let theirs = theirs.required("protocol")?;
    let theirs = version::Version { major: theirs.major, minor: theirs.minor };
    if theirs.works_with(version::PROTOCOL) {
        return Ok(theirs);
    }
    let reason =
        Reason::OtherProtocol { theirs: theirs.to_string(), ours: version::PROTOCOL.to_string() };
    Err(DecodeError::new("protocol", reason))
}

impl From<Code> for v1::Code {
    fn from(code: Code) -> Self {
        Self { hash: bytes_of(code.hash), code: code.bytes.0 }
    }
}

impl TryFrom<v1::Code> for Code {
    type Error = DecodeError;

    fn try_from(code: v1::Code) -> Result<Self, DecodeError> {
        Ok(Self { hash: hash(&code.hash, "hash")?, bytes: kept(&code.code) })
    }
}

/// Copies bytes that are kept for long, so that they do not keep their message's buffer.
pub(super) fn kept(bytes: &Bytes) -> alloy_primitives::Bytes {
    alloy_primitives::Bytes::copy_from_slice(bytes)
}

impl From<status::Status> for v1::Failure {
    fn from(status: status::Status) -> Self {
        use status::Code;
        let code = match status.code {
            Code::InvalidArgument => v1::FailureCode::InvalidArgument,
            Code::NotFound => v1::FailureCode::NotFound,
            Code::FailedPrecondition => v1::FailureCode::FailedPrecondition,
            Code::Cancelled => v1::FailureCode::Cancelled,
            Code::DeadlineExceeded => v1::FailureCode::DeadlineExceeded,
            Code::ResourceExhausted => v1::FailureCode::ResourceExhausted,
            Code::Unavailable => v1::FailureCode::Unavailable,
            Code::Internal => v1::FailureCode::Internal,
        };
        Self { code: code.into(), message: status.message }
    }
}

impl TryFrom<v1::Failure> for status::Status {
    type Error = DecodeError;

    fn try_from(failure: v1::Failure) -> Result<Self, DecodeError> {
        use status::Code;
        let code = match enumeration(failure.code, "code")? {
            v1::FailureCode::Unspecified => return Err(unknown(0, "code")),
            v1::FailureCode::InvalidArgument => Code::InvalidArgument,
            v1::FailureCode::NotFound => Code::NotFound,
            v1::FailureCode::FailedPrecondition => Code::FailedPrecondition,
            v1::FailureCode::Cancelled => Code::Cancelled,
            v1::FailureCode::DeadlineExceeded => Code::DeadlineExceeded,
            v1::FailureCode::ResourceExhausted => Code::ResourceExhausted,
            v1::FailureCode::Unavailable => Code::Unavailable,
            v1::FailureCode::Internal => Code::Internal,
        };
        Ok(Self { code, message: failure.message })
    }
}
