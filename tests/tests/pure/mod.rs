//! The engine alone, without processes: real blocks run by a pure loop, and what it observes.

mod observation;
mod pure_loop;
mod world;
