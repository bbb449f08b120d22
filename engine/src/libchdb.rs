//! Which libchdb this crate was written for, and where it lies.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::Error;

/// The pinned version and the packages that hold it. The same file is read by the program that
/// downloads them.
const PINNED: &str = include_str!("../libchdb.json");

const FILE_NAME: &str = "libchdb.so";

#[derive(Deserialize)]
struct Pinned {
    version: String,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    target: String,
    npm: String,
}

/// The library to load: the one asked for, or the first that is found in the usual places.
pub(crate) fn locate(asked: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(path) = asked {
        return if path.is_file() {
            Ok(path.to_path_buf())
        } else {
            Err(Error::new(format!(
                "no libchdb at {} (set by --libchdb or LOG_CENTER_LIBCHDB)",
                path.display()
            )))
        };
    }
    let pinned: Pinned =
        serde_json::from_str(PINNED).map_err(|error| Error::with("libchdb.json is malformed", error))?;
    let places = usual_places(&pinned.version);
    match places.iter().find(|place| place.is_file()) {
        Some(place) => Ok(place.clone()),
        None => Err(not_found(&pinned, &places)),
    }
}

fn usual_places(version: &str) -> Vec<PathBuf> {
    let beside =
        std::env::current_exe().ok().and_then(|exe| exe.parent().map(|directory| directory.join(FILE_NAME)));
    let fetched = Path::new(".tools/libchdb").join(version).join(FILE_NAME);
    let fetched = std::env::current_dir().map_or(fetched.clone(), |directory| directory.join(&fetched));
    beside.into_iter().chain([fetched]).collect()
}

fn not_found(pinned: &Pinned, places: &[PathBuf]) -> Error {
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
    let remedy = match pinned.packages.iter().find(|package| package.target == target) {
        Some(package) => format!(
            "fetch it with `cargo xtask up`, or take {FILE_NAME} from the npm package {}@{} and name it with \
             --libchdb or LOG_CENTER_LIBCHDB",
            package.npm, pinned.version
        ),
        None => format!("there is no known package for {target}; use a ClickHouse server elsewhere"),
    };
    Error::new(format!("{FILE_NAME} is not there (looked at {}); {remedy}", places.join(" and ")))
}
