//! Real parts for the tests of every crate; behind the feature `testing`.

mod etcd;

pub use etcd::TestEtcd;
