//! That whatever is drawn is valid, and that every case really happens.

mod accounts;
mod creations;
mod delegations;
mod destructions;
mod happened;
mod runs;
mod valid;
mod view;

use super::*;
use view::{Sent, View};
