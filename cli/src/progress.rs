//! Progress of long work, on standard error: a bar on a terminal, elsewhere a line every few
//! seconds.

use cluster::clock::SharedClock;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

/// Pause between two lines.
const PAUSE: Duration = Duration::from_secs(3);

/// How far some work is. Gone when dropped.
#[derive(Debug)]
pub struct Progress {
    what: String,
    bar: Option<ProgressBar>,
    clock: SharedClock,
    last_line: Duration,
}

impl Progress {
    /// Begins to show progress of some work.
    pub fn new(what: impl Into<String>, clock: &SharedClock) -> Self {
        let what = what.into();
        let bar = io::stderr().is_terminal().then(|| bar(&what));
        Self { what, bar, clock: clock.clone(), last_line: clock.now() }
    }

    /// Shows that `done` of `all` is done.
    pub fn set(&mut self, done: u64, all: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(all);
            bar.set_position(done);
            return;
        }
        let now = self.clock.now();
        if now - self.last_line >= PAUSE {
            self.last_line = now;
            // Progress that cannot be shown is no reason to stop.
            let _ = writeln!(io::stderr().lock(), "progress: {}: {done} of {all}", self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {bar:32} {pos} of {len} ({elapsed})")
        .expect("the template is one that indicatif knows");
    let bar = ProgressBar::new(0).with_style(style).with_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
