//! What a process counts: numbers that cost one atomic addition, and their text for Prometheus.
//!
//! A crate names its series once, with [`metrics!`](crate::metrics!); the struct that this makes is
//! cloned to whoever counts (clones share their numbers) and is a [`Source`] for [`render`]. Names get
//! the prefix `evmesh_`; counters end in `_total`, times in `_seconds`.

mod process;
mod series;

use std::collections::BTreeMap;
use std::sync::Arc;

use prometheus::TextEncoder;
use prometheus::proto::MetricFamily;

pub use process::ProcessMetrics;
pub use series::{Counter, Gauge, Histogram, Label, Series};

/// What the name of every series begins with.
const PREFIX: &str = "evmesh_";

/// The media type of what [`render`] returns.
pub const TEXT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Something that has numbers to show.
pub trait Source: Send + Sync {
    /// Returns all series as they stand.
    fn series(&self) -> Vec<Series>;
}

/// Sources that several owners share.
pub type Sources = Vec<Arc<dyn Source>>;

/// Writes all series of `sources` in Prometheus' text format, sorted by name. Series of one name are
/// one family, whichever source they come from; its help is made of theirs.
#[must_use]
pub fn render(sources: &[Arc<dyn Source>]) -> String {
    let mut families: BTreeMap<String, MetricFamily> = BTreeMap::new();
    for series in sources.iter().flat_map(|source| source.series()) {
        let family = series.into_family();
        match families.get_mut(family.name()) {
            Some(present) => join(present, family),
            None => {
                families.insert(family.name().to_owned(), family);
            }
        }
    }
    let families: Vec<_> = families.into_values().collect();
    TextEncoder::new().encode_to_string(&families).expect("every family has a name and a series")
}

/// Adds the series of `more` to those of the same name.
fn join(present: &mut MetricFamily, mut more: MetricFamily) {
    debug_assert_eq!(present.get_field_type(), more.get_field_type(), "{}", present.name());
    if !present.help().contains(more.help()) {
        present.set_help(format!("{} {}", present.help(), more.help()));
    }
    present.mut_metric().append(more.mut_metric());
}

/// Names the series of a crate: makes a struct with one field a series, its `Default`, and
/// its [`Source`]. The doc line of a field is the help of its series.
///
/// ```
/// use cluster::metrics::{Counter, Gauge, Histogram};
///
/// cluster::metrics! {
///     /// What a baker counts.
///     pub struct Metrics {
///         /// Loaves that were sold.
///         sold: Counter = "loaves_total"["outcome" = "sold"];
///         /// Loaves that were burnt.
///         burnt: Counter = "loaves_total"["outcome" = "burnt"];
///         /// Loaves in the oven now.
///         baking: Gauge = "loaves_baking";
///         /// Time that a loaf was in the oven.
///         baked: Histogram = "bake_seconds";
///     }
/// }
///
/// let metrics = Metrics::default();
/// metrics.sold.add(2);
/// let text = cluster::metrics::render(&[std::sync::Arc::new(metrics)]);
/// assert!(text.contains(r#"evmesh_loaves_total{outcome="sold"} 2"#));
/// ```
#[macro_export]
macro_rules! metrics {
    (
        $(#[$doc:meta])*
        $visibility:vis struct $metrics:ident {
            $($(#[doc = $help:literal])+
            $field:ident: $kind:ident = $name:literal $([$label:literal = $value:literal])?;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        $visibility struct $metrics {
            $($(#[doc = $help])+ pub $field: $crate::metrics::$kind,)*
        }

        impl Default for $metrics {
            fn default() -> Self {
                Self {
                    $($field: $crate::metrics::$kind::new(
                        $name,
                        &[$(($label, $value))?],
                        concat!($($help),+).trim_start(),
                    ),)*
                }
            }
        }

        impl $crate::metrics::Source for $metrics {
            fn series(&self) -> Vec<$crate::metrics::Series> {
                vec![$(self.$field.series(),)*]
            }
        }
    };
}

#[cfg(test)]
mod tests;
