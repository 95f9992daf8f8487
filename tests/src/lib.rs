//! What spans crates: Ethereum's official tests through whole clusters, as a library that the program
//! `conformance` and tests share. The tests themselves are in `tests/`.

pub mod conformance;
