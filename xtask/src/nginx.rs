//! The nginx in front of the example services.
//!
//! One that is installed is used as it is. Else Debian's package is fetched by apt, with lists and a cache of its own,
//! and unpacked in `.tools/nginx`: that needs no root, installs nothing and starts no service.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{child, interrupt, workspace};

/// Names an nginx of the user's own.
const VARIABLE: &str = "LOG_CENTER_NGINX";

/// Where systems keep it, which is on no user's PATH.
const PLACES: [&str; 2] = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"];

/// What to do where it can be had in no way.
pub(crate) const MISSING: &str = "there is no nginx, and apt cannot fetch it (Debian, Ubuntu: install nginx-light; \
                       or name one with LOG_CENTER_NGINX=/path/to/nginx)";

/// A program that runs.
pub(crate) struct Nginx {
    pub(crate) program: PathBuf,
    /// For `LD_LIBRARY_PATH`: what was fetched with it and is not installed. May be empty.
    pub(crate) libraries: Vec<PathBuf>,
}

impl Nginx {
    fn installed(program: PathBuf) -> Self {
        Self { program, libraries: Vec::new() }
    }

    fn runs(&self) -> bool {
        let libraries = std::env::join_paths(&self.libraries).unwrap_or_default();
        child::succeeds(Command::new(&self.program).arg("-v").env("LD_LIBRARY_PATH", libraries))
    }
}

/// Finds nginx: the one that the user names, one that is installed, or one that was fetched before.
pub(crate) fn find() -> Result<Option<Nginx>> {
    if let Some(named) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        let nginx = Nginx::installed(PathBuf::from(named));
        if !nginx.runs() {
            bail!("{VARIABLE} names {}, which is no nginx that runs", nginx.program.display());
        }
        return Ok(Some(nginx));
    }
    let somewhere = || PLACES.into_iter().map(PathBuf::from).find(|place| place.is_file());
    if let Some(program) = child::on_path("nginx").or_else(somewhere) {
        return Ok(Some(Nginx::installed(program)));
    }
    Ok(unpacked(&own()))
}

/// The same, or fetches it. `None`: neither was possible.
pub(crate) fn find_or_fetch() -> Result<Option<Nginx>> {
    if let Some(nginx) = find()? {
        return Ok(Some(nginx));
    }
    if child::on_path("apt-get").is_none() || child::on_path("dpkg-deb").is_none() {
        return Ok(None);
    }
    println!("fetching Debian's package `nginx` into .tools/nginx");
    let own = own();
    if let Err(error) = fetch(&own) {
        interrupt::check()?;
        println!("{error:#}");
    }
    Ok(unpacked(&own))
}

/// Where it is put if it is fetched.
fn own() -> PathBuf {
    workspace::tools().join("nginx")
}

fn unpacked(directory: &Path) -> Option<Nginx> {
    let program = directory.join("usr/sbin/nginx");
    let in_place = |path: &PathBuf| path.is_dir();
    let triplets = fs::read_dir(directory.join("usr/lib")).into_iter().flatten().flatten();
    let libraries = triplets.map(|entry| entry.path()).filter(in_place).collect();
    Some(Nginx { program, libraries }).filter(Nginx::runs)
}

/// Everything happens in a scratch directory and ends in one rename, so that nothing is ever there by half.
fn fetch(own: &Path) -> Result<()> {
    let tools = workspace::tools();
    fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
    let scratch = tempfile::Builder::new().prefix(".fetching-nginx-").tempdir_in(&tools)?;
    let apt = Apt { lists: scratch.path().join("lists"), cache: scratch.path().join("cache") };
    fs::create_dir_all(apt.lists.join("partial"))?;
    let packages = apt.cache.join("archives");
    fs::create_dir_all(packages.join("partial"))?;
    child::run(apt.command().arg("update"))?;
    // With whatever it needs that is not installed here.
    let install = ["--yes", "--download-only", "--no-install-recommends", "install", "nginx"];
    child::run(apt.command().args(install))?;

    let root = scratch.path().join("root");
    for entry in fs::read_dir(&packages)? {
        let package = entry?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            child::run(Command::new("dpkg-deb").arg("--extract").arg(package).arg(&root))?;
        }
    }
    if own.exists() {
        fs::remove_dir_all(own)?;
    }
    fs::rename(&root, own).with_context(|| format!("cannot make {}", own.display()))
}

/// apt with the system's sources and keys, that writes only below its own directories.
struct Apt {
    lists: PathBuf,
    cache: PathBuf,
}

impl Apt {
    fn command(&self) -> Command {
        let mut command = Command::new("apt-get");
        command.args(["--quiet", "--quiet"]);
        command.arg("--option").arg(format!("Dir::State::lists={}", self.lists.display()));
        command.arg("--option").arg(format!("Dir::Cache={}", self.cache.display()));
        // The system's database is read and nothing is written to it; root need not become another user for that.
        command.args(["--option", "Debug::NoLocking=true", "--option", "APT::Sandbox::User="]);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    }
}
