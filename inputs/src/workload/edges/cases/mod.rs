//! The cases, a file a subject: who takes part, and the steps in order.

pub(super) mod beneficiary;
pub(super) mod credits;
pub(super) mod cured;
pub(super) mod delegated;
pub(super) mod delegation;
pub(super) mod destroy;
pub(super) mod failures;
pub(super) mod grants;
pub(super) mod lookups;
pub(super) mod loops;
pub(super) mod nonces;
pub(super) mod overflow;
pub(super) mod revive;
mod shared;
