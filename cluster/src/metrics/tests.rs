//! What Prometheus gets to read.

use std::sync::Arc;
use std::time::Duration;

use super::*;

crate::metrics! {
    /// What this test counts.
    struct Bakery {
        /// Loaves that were sold.
        sold: Counter = "loaves_total"["outcome" = "sold"];
        /// Loaves that were burnt.
        burnt: Counter = "loaves_total"["outcome" = "burnt"];
        /// Loaves in the oven.
        baking: Gauge = "loaves_baking";
        /// Time in the oven.
        baked: Histogram = "bake_seconds";
    }
}

#[test]
fn series_of_one_name_are_one_family_with_their_labels() {
    let bakery = Bakery::default();
    bakery.sold.add(41);
    let shared = bakery.clone();
    shared.sold.increment();
    shared.burnt.increment();
    bakery.baking.set(3);
    bakery.baking.decrement();

    let text = render(&[Arc::new(bakery)]);

    let expected = "# HELP evmesh_loaves_baking Loaves in the oven.\n\
                    # TYPE evmesh_loaves_baking gauge\n\
                    evmesh_loaves_baking 2\n\
                    # HELP evmesh_loaves_total Loaves that were sold. Loaves that were burnt.\n\
                    # TYPE evmesh_loaves_total counter\n\
                    evmesh_loaves_total{outcome=\"sold\"} 42\n\
                    evmesh_loaves_total{outcome=\"burnt\"} 1\n";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn a_time_is_counted_in_every_bucket_that_it_fits() {
    let bakery = Bakery::default();
    bakery.baked.observe(Duration::from_millis(3));
    bakery.baked.observe(Duration::from_secs(60));

    let text = render(&[Arc::new(bakery)]);

    for line in [
        "# TYPE evmesh_bake_seconds histogram",
        "evmesh_bake_seconds_bucket{le=\"0.0025\"} 0",
        "evmesh_bake_seconds_bucket{le=\"0.005\"} 1",
        "evmesh_bake_seconds_bucket{le=\"30\"} 1",
        "evmesh_bake_seconds_bucket{le=\"+Inf\"} 2",
        "evmesh_bake_seconds_sum 60.003",
        "evmesh_bake_seconds_count 2",
    ] {
        assert!(text.lines().any(|present| present == line), "no `{line}` in\n{text}");
    }
}

#[test]
fn sources_that_name_one_series_share_its_family() {
    let (first, second) = (Bakery::default(), Renamed);
    let text = render(&[Arc::new(first), Arc::new(second)]);

    assert_eq!(text.matches("# TYPE evmesh_loaves_total counter").count(), 1, "{text}");
    assert!(text.contains("evmesh_loaves_total{outcome=\"given \\\"away\\\"\"} 7"), "{text}");
}

/// A source whose label is known only when it runs.
struct Renamed;

impl Source for Renamed {
    fn series(&self) -> Vec<Series> {
        let labels = [("outcome", "given \"away\"")];
        vec![Series::counter("loaves_total", &labels, "Loaves that were given away.", 7.0)]
    }
}

#[test]
fn the_process_shows_its_cpu_time_and_memory() {
    let value = |name: &str| -> f64 {
        let text = render(&[Arc::new(ProcessMetrics)]);
        let line = text.lines().find(|line| line.starts_with(name)).expect(name).to_owned();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let before = value("evmesh_process_cpu_seconds_total");
    let mut n = 0_u64;
    while value("evmesh_process_cpu_seconds_total") <= before {
        n += 1;
        assert!(n < 1_000_000, "CPU time stands still at {before}");
    }
    assert!(value("evmesh_process_resident_memory_bytes") > 1e6);
}
