//! The word that distinguishes who may write.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use subtle::ConstantTimeEq as _;

use crate::Error;

/// Randomness of a new password, bytes.
const RANDOM_BYTES: usize = 32;

/// Shortest password of an operator's own, bytes; a start with a shorter one is refused, because nothing slows
/// guessing down.
const MIN_PASSWORD_BYTES: usize = 16;

/// Longest file that is read for a password, bytes; a start with a longer one is refused.
const MAX_FILE_BYTES: u64 = 4 << 10;

/// Permissions of the file: nobody else reads it.
const FILE_MODE: u32 = 0o600;

/// What a caller shows in order to write.
#[derive(Clone)]
pub struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Password {
    /// The password of the engine that keeps its data in `data_dir`. It is in the file `named`, or else beside the data
    /// directory, in the file of the same name that ends with `.password`; a file that does not exist is made.
    ///
    /// A file beside the data directory is never reached through a link. One that an operator names may be a link, as
    /// mounted secrets are.
    ///
    /// # Errors
    /// The file cannot be read or made, or holds no usable password.
    pub fn load_or_create(data_dir: &Path, named: Option<&Path>) -> Result<Self, Error> {
        let path = named.map_or_else(|| beside(data_dir), Path::to_path_buf);
        if let Some(password) = read(&path, named.is_some())? {
            return Ok(password);
        }
        create(&path)?;
        // Read again rather than kept: another process may have been the one that made it.
        read(&path, named.is_some())?
            .ok_or_else(|| Error::new(format!("the password file {} vanished", path.display())))
    }

    /// The word itself, to be shown to the engine.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether somebody showed this password. Takes the same time however much of a guess is right.
    pub(crate) fn matches(&self, shown: &str) -> bool {
        self.0.as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

fn beside(data_dir: &Path) -> PathBuf {
    let mut name = data_dir.file_name().unwrap_or(data_dir.as_os_str()).to_os_string();
    name.push(".password");
    data_dir.with_file_name(name)
}

fn read(path: &Path, follow_links: bool) -> Result<Option<Password>, Error> {
    let mut flags = OFlags::NONBLOCK;
    if !follow_links {
        flags |= OFlags::NOFOLLOW;
    }
    let failed = |error| Error::on_path("cannot read the password file", path, error);
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return Err(Error::new(format!(
            "{} is no password file: it must be a regular file of at most {MAX_FILE_BYTES} bytes",
            path.display()
        )));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        tighten(&file, path, follow_links)?;
    }
    let mut text = String::new();
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
    let word = text.trim();
    if word.len() < MIN_PASSWORD_BYTES || word.chars().any(char::is_control) {
        return Err(Error::new(format!(
            "the password file {} must hold one line of at least {MIN_PASSWORD_BYTES} bytes; remove the file to \
             have one made",
            path.display()
        )));
    }
    Ok(Some(Password(word.to_owned())))
}

/// Our own file is closed to others; an operator's is left as it is.
fn tighten(file: &File, path: &Path, is_operators: bool) -> Result<(), Error> {
    tracing::warn!(path = %path.display(), "other users of this machine could read the password");
    if is_operators {
        return Ok(());
    }
    file.set_permissions(std::fs::Permissions::from_mode(FILE_MODE))
        .map_err(|error| Error::on_path("cannot restrict the password file", path, error))
}

/// Makes the file in one step, so that no reader finds half a password. Somebody else's file is left alone.
fn create(path: &Path) -> Result<(), Error> {
    let failed = |error| Error::on_path("cannot make the password file", path, error);
    let mut random = [0; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(|error| Error::with("cannot get random numbers", error))?;
    let mut word = String::with_capacity(2 * RANDOM_BYTES);
    for byte in random {
        // Writing to a string does not fail.
        _ = write!(word, "{byte:02x}");
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).map_err(failed)?;
    let mut temporary = path.as_os_str().to_os_string();
    temporary.push(format!(".{}", uuid::Uuid::new_v4().simple()));
    let temporary = PathBuf::from(temporary);
    let written = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&temporary).and_then(
        |mut file| {
            writeln!(file, "{word}")?;
            file.sync_all()
        },
    );
    // A hard link, unlike a rename, replaces nothing.
    let placed = written.and_then(|()| std::fs::hard_link(&temporary, path));
    _ = std::fs::remove_file(&temporary);
    match placed {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
