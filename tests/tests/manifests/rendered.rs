//! Overlays as `kubectl kustomize` renders them.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::workspace;

/// What an overlay is turned into: its text and, of it, each document.
#[derive(Clone)]
pub(crate) struct Rendered {
    pub(crate) text: String,
    pub(crate) documents: Vec<Value>,
}

impl Rendered {
    /// The overlay in this folder of the workspace.
    pub(crate) fn of(overlay: &str) -> Self {
        let output = Command::new("kubectl")
            .arg("kustomize")
            .arg(workspace::root().join(overlay))
            .output()
            .expect(
                "kubectl runs: scripts/setup.sh develop installs it (Debian: kubernetes-client)",
            );
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl kustomize {overlay}: {said}");
        let text = String::from_utf8(output.stdout).unwrap();
        let documents = serde_saphyr::from_multiple(&text).unwrap();
        Self { text, documents }
    }
}

/// Every folder below `k8s` that is an overlay, relative to the workspace.
pub(crate) fn overlays() -> Vec<String> {
    let root = workspace::root();
    let mut found = Vec::new();
    let mut folders = vec![root.join("k8s")];
    while let Some(folder) = folders.pop() {
        if folder.join("kustomization.yaml").exists() {
            found.push(relative(&folder, &root));
        }
        let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        folders.extend(entries.filter(|path| path.is_dir()));
    }
    found.sort();
    found
}

fn relative(folder: &Path, root: &Path) -> String {
    folder.strip_prefix(root).unwrap().to_str().unwrap().to_owned()
}
