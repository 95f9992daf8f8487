//! Blockchain tests, made by hand and official ones.

mod branches;
pub(crate) mod handmade;
mod networks;
mod official;
mod refused;
mod values;
