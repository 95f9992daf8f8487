//! What is tested across crates, in one program: a module a subject.

mod arrows;
mod dependencies;
mod scripts;
mod sources;
mod workspace;
