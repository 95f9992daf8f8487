//! What is tested across crates, in one program: a module a subject.

#![allow(
    clippy::unwrap_used,
    reason = "all of it is tests; clippy spares only the functions marked so"
)]

mod arrows;
mod branches;
mod building;
mod caches;
mod chaos;
mod conformance;
mod dependencies;
mod faults;
mod manifests;
mod processes;
mod pure;
mod sandbox;
mod scripts;
mod sources;
mod traces;
mod workspace;
