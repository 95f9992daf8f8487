//! The three kinds of processes.

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It owns a part of the state.
    State,
    /// It takes blocks and decides.
    Coordinator,
    /// It executes slices.
    Worker,
}

impl Role {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::State, Self::Coordinator, Self::Worker];

    /// Returns the name of its program.
    pub const fn program(self) -> &'static str {
        match self {
            Self::State => "evmesh-state",
            Self::Coordinator => "evmesh-coordinator",
            Self::Worker => "evmesh-worker",
        }
    }

    /// Returns the package that its program is built from.
    pub const fn package(self) -> &'static str {
        match self {
            Self::State => "state-service",
            Self::Coordinator => "coordinator",
            Self::Worker => "worker",
        }
    }

    /// Returns the name of its table of settings, which is what it calls itself too.
    pub const fn table(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Coordinator => "coordinator",
            Self::Worker => "worker",
        }
    }
}
