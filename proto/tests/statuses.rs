//! Codes across the wire, ours and foreign ones.

use crate::messages::CODES;
use proto::{
    convert::STATUS_MESSAGE_BYTES_MAX,
    status::{Code, Status},
};
use tonic::TimeoutExpired;

fn taken(foreign: tonic::Status) -> Code {
    Status::from(foreign).code
}

#[test]
fn our_statuses_come_back_as_they_were() {
    for code in CODES {
        let status = Status::new(code, format!("what {code:?} says"));
        assert_eq!(Status::from(tonic::Status::from(status.clone())), status);
    }
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let status = Status::new(Code::Internal, "ä".repeat(STATUS_MESSAGE_BYTES_MAX));
    let wire = tonic::Status::from(status);
    assert_eq!(wire.message(), "ä".repeat(STATUS_MESSAGE_BYTES_MAX / 2));
}

#[test]
fn whatever_broke_the_transport_is_unavailable_by_any_code() {
    let broken = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    assert_eq!(taken(tonic::Status::from_error(Box::new(broken()))), Code::Unavailable);
    for code in [tonic::Code::Unknown, tonic::Code::Internal, tonic::Code::Cancelled] {
        let mut status = tonic::Status::new(code, "h2 protocol error");
        status.set_source(std::sync::Arc::new(broken()));
        assert_eq!(taken(status), Code::Unavailable, "{code:?}");
    }
}

#[test]
fn a_timeout_is_a_deadline_though_tonic_calls_it_cancelled() {
    let here = tonic::Status::from_error(Box::new(TimeoutExpired(())));
    assert_eq!(here.code(), tonic::Code::Cancelled);
    assert_eq!(taken(here), Code::DeadlineExceeded);
    assert_eq!(taken(tonic::Status::cancelled("Timeout expired")), Code::DeadlineExceeded);
}

#[test]
fn a_job_that_was_cancelled_is_told_from_a_call_that_was_dropped() {
    let ours = tonic::Status::from(Status::new(Code::Cancelled, "job 1.2 was aborted"));
    assert_eq!(taken(ours), Code::Cancelled);
    assert_eq!(taken(tonic::Status::cancelled("")), Code::Unavailable);
}

#[test]
fn foreign_codes_are_what_a_caller_can_do_about_them() {
    let unknown = tonic::Status::unknown("a handler's own");
    assert_eq!(taken(unknown), Code::Internal);
    assert_eq!(taken(tonic::Status::unimplemented("")), Code::FailedPrecondition);
    assert_eq!(taken(tonic::Status::out_of_range("too large")), Code::ResourceExhausted);
    assert_eq!(taken(tonic::Status::resource_exhausted("")), Code::ResourceExhausted);
    assert_eq!(taken(tonic::Status::deadline_exceeded("")), Code::DeadlineExceeded);
    assert_eq!(taken(tonic::Status::aborted("")), Code::Unavailable);
}
