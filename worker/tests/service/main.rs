//! A worker as its callers see it: the real actor, pool and engine over state held in memory.

mod faults;
mod jobs;
mod slices;
mod state;
mod world;
