//! Where a run's report goes: JSON Lines as blocks are done, or tables at the end.

use super::table::Tables;
use crate::{
    failure::Failure,
    report::{Line, RunLine},
    serial::DelayPaid,
    session::{BlockReport, Summary},
};
use std::io::{self, Write};

/// The report on standard output.
#[derive(Debug)]
pub(super) enum Output {
    /// One line a block, for scripts.
    Json,
    /// For people.
    Tables(Box<Tables>),
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        if json { Self::Json } else { Self::Tables(Box::default()) }
    }

    pub(super) fn begin(&mut self, run: &RunLine) -> Result<(), Failure> {
        match self {
            Self::Json => print(&Line::Run(run).to_json()),
            Self::Tables(tables) => {
                tables.begin(run);
                Ok(())
            }
        }
    }

    pub(super) fn block(&mut self, block: &BlockReport) -> Result<(), Failure> {
        match self {
            Self::Json => print(&Line::Block(&block.line).to_json()),
            Self::Tables(tables) => {
                tables.block(&block.line);
                Ok(())
            }
        }
    }

    /// Shows what was done before the run was cut short; JSON Lines were printed before.
    pub(super) fn cut_short(&mut self, summary: &Summary) -> Result<(), Failure> {
        match self {
            Self::Json => Ok(()),
            Self::Tables(_) if summary.blocks() == 0 => Ok(()),
            Self::Tables(_) => self.end(summary, <(DelayPaid, DelayPaid)>::default()),
        }
    }

    /// `delays` are what the cluster's and what the oracle's delayed answers really paid.
    pub(super) fn end(
        &mut self,
        summary: &Summary,
        delays: (DelayPaid, DelayPaid),
    ) -> Result<(), Failure> {
        match self {
            Self::Json => print(&Line::Summary(&summary.line(delays)).to_json()),
            Self::Tables(tables) => print(&tables.end(&summary.line(delays), delays)),
        }
    }
}

/// Prints a line, or several, and hands it on at once.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::output(error, "standard output"))
}
