//! Where the programs of the processes are.

use super::Role;
use crate::failure::Failure;
use std::path::{Path, PathBuf};

/// Folder that cargo puts test programs into, below that of the programs.
const TESTS_FOLDER: &str = "deps";

/// The folder that holds the programs of all roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Finds the programs beside the one that runs, as cargo and the image put them.
    ///
    /// # Errors
    /// If one of them is not there; the error says how to build them.
    pub fn beside_this_one() -> Result<Self, Failure> {
        let this = std::env::current_exe().map_err(|error| {
            let try_next = "start evmesh by its path";
            Failure::cluster(error, "looking for the programs beside this one", try_next)
        })?;
        let folder = this.parent().unwrap_or_else(|| Path::new("/"));
        let is_test = folder.ends_with(TESTS_FOLDER);
        let folder = if is_test { folder.parent().unwrap_or(folder) } else { folder };
        Self::in_folder(folder)
    }

    /// Takes the programs from a folder.
    ///
    /// # Errors
    /// If one of them is not there; the error says how to build them.
    pub fn in_folder(folder: &Path) -> Result<Self, Failure> {
        let programs = Self { folder: folder.to_owned() };
        for role in Role::ALL {
            let path = programs.path(role);
            if !path.is_file() {
                return Err(missing(role, &path));
            }
        }
        Ok(programs)
    }

    /// Returns the program of a role.
    pub fn path(&self, role: Role) -> PathBuf {
        self.folder.join(role.program())
    }
}

fn missing(role: Role, path: &Path) -> Failure {
    let profile = if cfg!(debug_assertions) { "" } else { " --release" };
    let packages = Role::ALL.map(|role| format!(" -p {}", role.package())).concat();
    Failure::cluster(
        format!("the program {} is not there", role.program()),
        path.display(),
        format!("make programs, or cargo build{profile}{packages}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_missing_program_is_named_with_its_path_and_how_to_build_it() {
        let folder = tempfile::tempdir().unwrap();
        for role in [Role::State, Role::Worker] {
            fs::write(folder.path().join(role.program()), "").unwrap();
        }

        let failure = Programs::in_folder(folder.path()).unwrap_err();

        assert_eq!(failure.exit.code(), 4);
        assert_eq!(failure.what, "the program evmesh-coordinator is not there");
        assert_eq!(failure.at, folder.path().join("evmesh-coordinator").display().to_string());
        assert!(failure.try_next.contains("-p coordinator -p worker"), "{}", failure.try_next);

        fs::write(folder.path().join("evmesh-coordinator"), "").unwrap();
        let programs = Programs::in_folder(folder.path()).unwrap();
        assert_eq!(programs.path(Role::Worker), folder.path().join("evmesh-worker"));
    }
}
