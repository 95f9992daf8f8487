//! What a worker counts.

cluster::metrics! {
    /// Everything that a worker counts.
    pub struct Metrics {
        /// Slices that ran to an outcome.
        slices_done: Counter = "slices_total"["outcome" = "done"];
        /// Slices that were cancelled while they ran or waited.
        slices_cancelled: Counter = "slices_total"["outcome" = "cancelled"];
        /// Slices that ended in an error: the state service, a panic, a stop.
        slices_failed: Counter = "slices_total"["outcome" = "failed"];
        /// Slices refused because their job had ended.
        refused_job_ended: Counter = "refused_messages_total"["reason" = "job_ended"];
        /// Slices refused because the same or a newer attempt came before.
        refused_late_attempt: Counter = "refused_messages_total"["reason" = "late_attempt"];
        /// Slices and Prepare calls refused because a bound was reached.
        refused_full: Counter = "refused_messages_total"["reason" = "full"];
        /// Messages refused because the worker is gone.
        refused_gone: Counter = "refused_messages_total"["reason" = "gone"];
        /// Slices that run or wait now.
        slices_running: Gauge = "slices_running";
        /// Jobs that are open now.
        jobs_open: Gauge = "jobs_open";
        /// Runs of transactions, those that ended at a missing key included.
        executions: Counter = "executions_total";
        /// Outcomes of single indices that were given.
        incarnations: Counter = "incarnations_total";
        /// Gas of the outcomes that were given.
        gas: Counter = "gas_total";
        /// Senders recovered.
        senders: Counter = "senders_total";
        /// Messages to the state service that read.
        reads: Counter = "state_messages_total"["kind" = "read"];
        /// Messages to the state service that stage.
        stages: Counter = "state_messages_total"["kind" = "stage"];
        /// Reads that failed or came too late.
        reads_failed: Counter = "reads_failed_total";
        /// Stage messages that failed or came too late.
        stages_failed: Counter = "stages_failed_total"["reason" = "failed"];
        /// Outcomes that were not staged because too many stage messages were under way.
        stages_skipped: Counter = "stages_failed_total"["reason" = "full"];
        /// Keys asked of the state service.
        keys: Counter = "read_keys_total";
        /// Bytes of the answers to reads.
        read_bytes: Counter = "read_bytes_total";
        /// Keys that caches answered.
        cache_hits: Counter = "cache_hits_total";
        /// Keys that caches were asked for and did not have.
        cache_misses: Counter = "cache_misses_total";
        /// Bytes of values kept across jobs now.
        state_cache_bytes: Gauge = "state_cache_bytes";
        /// Bytes of diffs of undecided blocks now.
        feed_diff_bytes: Gauge = "feed_diff_bytes";
        /// Feeds that began.
        feed_starts: Counter = "feed_messages_total"["kind" = "start"];
        /// Blocks that feeds said are sealed.
        feed_sealed: Counter = "feed_messages_total"["kind" = "sealed"];
        /// Blocks that feeds said are committed.
        feed_committed: Counter = "feed_messages_total"["kind" = "committed"];
        /// Blocks that feeds said are dropped.
        feed_dropped: Counter = "feed_messages_total"["kind" = "dropped"];
        /// Feeds that ended, or could not be subscribed to.
        feed_breaks: Counter = "feed_breaks_total";
        /// Caches emptied because a feed began.
        caches_emptied_start: Counter = "caches_emptied_total"["reason" = "start"];
        /// Caches emptied because another block was confirmed than the chain's first.
        caches_emptied_not_first: Counter = "caches_emptied_total"["reason" = "not_first"];
        /// Caches emptied because the chain grew beyond its bounds.
        caches_emptied_too_long: Counter = "caches_emptied_total"["reason" = "too_long"];
        /// Caches emptied because a message came from another boot of the shard.
        caches_emptied_other_boot: Counter = "caches_emptied_total"["reason" = "other_boot"];
        /// Bytes of code kept across jobs now.
        code_cache_bytes: Gauge = "code_cache_bytes";
        /// CPU time of slices.
        slice_cpu_us: Counter = "slice_cpu_microseconds_total";
        /// CPU time of sender recovery.
        prepare_cpu_us: Counter = "prepare_cpu_microseconds_total";
        /// Streams on which a coordinator welcomed this worker.
        attached: Counter = "attaches_total"["outcome" = "attached"];
        /// Tries to attach that found nobody, or that were refused.
        not_attached: Counter = "attaches_total"["outcome" = "failed"];
        /// Calls that the coordinator took back.
        calls_cancelled: Counter = "calls_cancelled_total";
        /// Messages of the coordinator that could not be read or were not expected.
        refused_damaged: Counter = "refused_messages_total"["reason" = "damaged"];
        /// Calls refused because the worker drains.
        refused_draining: Counter = "refused_messages_total"["reason" = "draining"];
    }
}
