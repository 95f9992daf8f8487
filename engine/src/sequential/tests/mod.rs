//! Serial execution held against the rules of blocks, one rule a test.

mod after_block;
mod before_block;
mod prepared;
mod records;
mod roots;
mod scene;
mod states;
mod transactions;
