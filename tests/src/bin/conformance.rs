//! `conformance`: Ethereum's official blockchain tests through whole clusters, with a report.

use anyhow::Context;
use clap::{Parser, ValueEnum};
use cluster::clock::SystemClock;
use std::{
    fs,
    io::{self, Write},
    num::NonZeroUsize,
    path::PathBuf,
    process::ExitCode,
};
use tests::conformance::{Options, Report, Selection, Shape, Transport, run};

/// Runs Ethereum's official blockchain tests through coordinator, workers and state shards.
#[derive(Debug, Parser)]
struct Args {
    /// Archive, folder or file of official blockchain tests
    corpus: PathBuf,
    /// Only so many cases, chosen by the seed
    #[arg(long, value_name = "N")]
    cases: Option<usize>,
    /// Seed of every choice
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Only cases whose file or name contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Only this shape, counted from 1 [default: all]
    #[arg(long, value_name = "N")]
    shape: Option<NonZeroUsize>,
    /// How the parts of the cluster talk; over gRPC there is one shape
    #[arg(long, value_enum, default_value = "in-process")]
    transport: TransportArg,
    /// Builds each valid block again from its parts: the same block has to come out
    #[arg(long)]
    rebuild: bool,
    /// Cases at once [default: as many as there are cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Where the report goes
    #[arg(long, value_name = "FILE", default_value = "target/conformance/report.json")]
    out: PathBuf,
    /// Ends with 1 if a case failed
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TransportArg {
    InProcess,
    Grpc,
}

impl Args {
    fn shapes(&self) -> anyhow::Result<Vec<Shape>> {
        let shapes = match self.transport {
            TransportArg::InProcess => Shape::all()?,
            TransportArg::Grpc => vec![Shape { transport: Transport::Grpc, ..Shape::new(3, 2)? }],
        };
        let shapes: Vec<_> =
            shapes.into_iter().map(|shape| Shape { rebuild: self.rebuild, ..shape }).collect();
        match self.shape {
            None => Ok(shapes),
            Some(place) => {
                let shape = shapes.get(place.get() - 1);
                Ok(vec![*shape.with_context(|| format!("there is no shape {place}"))?])
            }
        }
    }

    fn options(&self) -> anyhow::Result<Options> {
        let selection = Selection::default().filter(self.filter.clone());
        let selection = match self.cases {
            Some(n_cases) => selection.by_chance(&self.corpus, n_cases, self.seed)?,
            None => selection,
        };
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Ok(Options {
            corpus: self.corpus.clone(),
            selection,
            shapes: self.shapes()?,
            threads: self.threads.unwrap_or_else(cores),
            seed: self.seed,
        })
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let report = run(&args.options()?, &SystemClock::shared())?;
    if let Some(folder) = args.out.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&args.out, report.to_json()?)?;
    print(&report, &args)?;
    let is_bad = args.strict && !report.is_good();
    Ok(if is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(report: &Report, args: &Args) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for shape in &report.shapes {
        writeln!(
            out,
            "{} workers, {} state shards{}, {}: {} passed, {} failed, {} not loadable of {}; not run: {:?}; {} conflicts; {} s",
            shape.workers,
            shape.state_shards,
            if shape.conflicts_forced { ", conflicts forced" } else { "" },
            shape.transport,
            shape.passed,
            shape.failed,
            shape.not_loadable,
            shape.to_be_run(),
            shape.not_run,
            shape.conflicts,
            shape.wall_us / 1_000_000,
        )?;
    }
    for failure in report.failures.iter().take(20) {
        writeln!(out, "failed: {}#{}: {:?}", failure.file, failure.case, failure)?;
    }
    let n_more = report.failures.len().saturating_sub(20);
    writeln!(out, "{n_more} more failures and everything else: {}", args.out.display())?;
    Ok(())
}
