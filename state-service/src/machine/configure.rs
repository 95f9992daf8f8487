//! A shard's place in a cluster: given once, by the coordinator.

use super::{Effect, Machine, load::Genesis};
use crate::{error::StateError, place::Place};
use engine::ids::{BootId, JobId, Term};
use proto::state::ConfigureRequest;
use std::collections::BTreeSet;

impl Machine {
    /// Gives the shard its place. The same place under a later Term raises the Term, and drops what
    /// is undecided of earlier ones: nobody will decide it.
    ///
    /// # Errors
    /// If it has another, belongs to another cluster, or the Term is over.
    pub fn configure(&mut self, request: ConfigureRequest) -> Result<BootId, StateError> {
        let given = place_of(&request);
        match &self.configured {
            None if given != Place::ALONE && !self.is_empty() => {
                return Err(StateError::OtherPlace { present: Place::ALONE, given });
            }
            None => self.effects.push(Effect::Place(given)),
            Some(present) => check_same(present, &request)?,
        }
        let term = request.term;
        self.configured = Some(request);
        for job in self.undecided_before(term) {
            self.abort(job)?;
        }
        Ok(self.boot)
    }

    /// Returns the jobs of earlier Terms that are staged, being sealed or sealed.
    fn undecided_before(&self, term: Term) -> BTreeSet<JobId> {
        let sealed = self.tree.provisional_jobs();
        let jobs = sealed.chain(self.sealing.keys().copied()).chain(self.staging.jobs());
        jobs.filter(|job| job.term < term).collect()
    }

    /// Returns the shard's place.
    pub fn place(&self) -> Place {
        self.configured.as_ref().map_or(Place::ALONE, place_of)
    }

    /// Tells whether nothing was loaded yet: whoever has no values has no place to lose.
    fn is_empty(&self) -> bool {
        matches!(self.genesis, Genesis::Absent)
            && self.loading.is_empty()
            && self.tree.count(|_| true) == 0
    }
}

const fn place_of(request: &ConfigureRequest) -> Place {
    Place { index: request.index, count: request.count }
}

fn check_same(present: &ConfigureRequest, given: &ConfigureRequest) -> Result<(), StateError> {
    if given.cluster != present.cluster {
        let (present, given) = (present.cluster, given.cluster);
        return Err(StateError::OtherCluster { present, given });
    }
    let places = [place_of(present), place_of(given)];
    if places[0] != places[1] {
        return Err(StateError::OtherPlace { present: places[0], given: places[1] });
    }
    if given.term < present.term {
        return Err(StateError::StaleTerm { present: present.term, given: given.term });
    }
    Ok(())
}
