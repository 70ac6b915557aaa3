//! The temporary folder in which everything is built, run and written.

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::{Gid, Uid, chown};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The user that runs the programs when root measures: `nobody` on every Linux. Speed is judged
/// without privileges.
const NOBODY: u32 = 65534;
/// The search path of programs, without wrappers of version managers, which would be measured too.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The folder, removed on drop.
pub(super) struct Place {
    folder: TempDir,
    sources: PathBuf,
    as_nobody: bool,
}

impl Place {
    /// Makes a folder with the recorder in it.
    pub(super) fn new(root: &Path, sysreel: &Path) -> Result<Place> {
        let folder = tempfile::Builder::new()
            .prefix("sysreel-bench.")
            .tempdir()
            .context("a temporary folder")?;
        let place = Place {
            folder,
            sources: root.join("fixtures/bench"),
            as_nobody: Uid::effective().is_root(),
        };
        fs::set_permissions(place.folder.path(), Permissions::from_mode(0o755))?;
        // Other users may have no access to the build folder.
        fs::copy(sysreel, place.path("sysreel"))
            .with_context(|| format!("copying {}", sysreel.display()))?;
        for name in ["out", "home"] {
            fs::create_dir(place.path(name))?;
            place.hand_over(name)?;
        }
        place.hand_over(".")?;
        Ok(place)
    }

    /// Returns a path in the folder.
    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Returns the path of a compiled program.
    pub(super) fn program(&self, name: &str) -> String {
        self.path(&format!("{name}.program"))
    }

    /// Returns the path that a contestant writes to.
    pub(super) fn output(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        fs::write(self.path(name), text).with_context(|| self.path(name))
    }

    /// Gives a file or folder, without its contents, to the user that runs the programs.
    pub(super) fn hand_over(&self, name: &str) -> Result<()> {
        if self.as_nobody {
            chown(
                Path::new(&self.path(name)),
                Some(Uid::from_raw(NOBODY)),
                Some(Gid::from_raw(NOBODY)),
            )
            .with_context(|| format!("chown {}", self.path(name)))?;
        }
        Ok(())
    }

    /// Compiles a program of fixtures/bench.
    pub(super) fn compile(&self, name: &str) -> Result<()> {
        let source = self.sources.join(format!("{name}.c"));
        let status = Command::new("gcc")
            .args(["-O2", "-pthread", "-o", &self.program(name)])
            .arg(&source)
            .status()
            .context("gcc")?;
        ensure!(status.success(), "{} does not compile", source.display());
        Ok(())
    }

    /// Whether the program is installed.
    pub(super) fn has(&self, program: &str) -> bool {
        program.contains('/')
            || PATH.split(':').any(|folder| Path::new(folder).join(program).exists())
    }

    /// Fails when one of these programs is missing.
    pub(super) fn needs(&self, programs: &[&str]) -> Result<()> {
        match programs.iter().find(|program| !self.has(program)) {
            Some(program) => bail!("the bench needs {program}, which is not installed (in {PATH})"),
            None => Ok(()),
        }
    }

    /// Returns a command that runs in the folder, unprivileged, silent, and with its own
    /// environment.
    pub(super) fn command(&self, argv: &[String]) -> Command {
        let mut words: Vec<&str> = Vec::new();
        let nobody = NOBODY.to_string();
        if self.as_nobody {
            words.extend([
                "setpriv",
                "--reuid",
                &nobody,
                "--regid",
                &nobody,
                "--clear-groups",
                "--",
            ]);
        }
        words.extend(argv.iter().map(String::as_str));
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(self.folder.path())
            .env_clear()
            .envs([("PATH", PATH), ("LC_ALL", "C"), ("PYTHONDONTWRITEBYTECODE", "1")])
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("home"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Runs a command that must succeed.
    pub(super) fn run(&self, argv: &[String]) -> Result<()> {
        let status =
            self.command(argv).status().with_context(|| format!("starting {}", argv[0]))?;
        if !status.success() {
            bail!("{} ended with {status}", argv.join(" "));
        }
        Ok(())
    }

    /// Returns how the programs are run, for the report.
    pub(super) fn who(&self) -> String {
        if self.as_nobody {
            format!("as user {NOBODY} (setpriv)")
        } else {
            "as an ordinary user".into()
        }
    }
}
