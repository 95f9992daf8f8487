//! Blockchain tests, made by hand and official ones.

mod branches;
mod handmade;
mod networks;
mod official;
mod refused;
mod values;
