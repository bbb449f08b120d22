//! Which files and which classes are not the program's own.

/// Packages of Go's standard library, by their first directory.
const GO_PACKAGES: [&str; 50] = [
    "archive",
    "bufio",
    "builtin",
    "bytes",
    "cmd",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "index",
    "internal",
    "io",
    "iter",
    "log",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "slices",
    "sort",
    "strconv",
    "strings",
    "structs",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "unicode",
    "unique",
    "unsafe",
    "weak",
];

/// Modules of Node that were files without a directory before Node 16.
const NODE_FILES: [&str; 32] = [
    "_http_agent.js",
    "_http_client.js",
    "_http_common.js",
    "_http_incoming.js",
    "_http_outgoing.js",
    "_http_server.js",
    "_stream_duplex.js",
    "_stream_readable.js",
    "_stream_transform.js",
    "_stream_writable.js",
    "_tls_wrap.js",
    "assert.js",
    "bootstrap_node.js",
    "buffer.js",
    "child_process.js",
    "cluster.js",
    "crypto.js",
    "dgram.js",
    "dns.js",
    "domain.js",
    "events.js",
    "fs.js",
    "http.js",
    "https.js",
    "module.js",
    "net.js",
    "readline.js",
    "stream.js",
    "timers.js",
    "tls.js",
    "vm.js",
    "zlib.js",
];

/// What a file begins with that is not the program's own.
const FOREIGN_STARTS: [&str; 16] = [
    "node:",
    "<",
    "[native code]",
    "internal/",
    "ext:",
    "deno:",
    "bun:",
    "native:",
    "dart:",
    "package:flutter/",
    "/rustc/",
    "self-hosted",
    "webkit-masked-url:",
    "InternalBytecode.js",
    "webpack/",
    "webpack:///webpack/",
];

/// Classes of Java's, Kotlin's and Scala's own libraries.
const JVM_PACKAGES: [&str; 11] = [
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "com.sun.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "android.",
    "androidx.",
    "_COROUTINE.",
];

/// Whether a file is of the program's own code, as far as its name tells.
pub(super) fn is_own(file: &str) -> bool {
    let is_node_file = || !file.contains(['/', '\\']) && NODE_FILES.contains(&file);
    !FOREIGN_STARTS.iter().any(|start| file.starts_with(start))
        && !is_node_file()
        && !has_foreign_directory(file)
}

/// Whether a class of the JVM is of the program's own code: `com.acme.Cart.add`, `java.base/java.util.Objects.requireNonNull`.
pub(super) fn is_own_class(name: &str) -> bool {
    let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
    !JVM_PACKAGES.iter().any(|package| name.starts_with(package))
}

/// Whether a method of .NET is of the program's own code.
pub(super) fn is_own_method(name: &str) -> bool {
    !name.starts_with("System.") && !name.starts_with("Microsoft.")
}

/// Whether a file that Go's `-trimpath` made relative is of Go's own libraries.
pub(super) fn is_go_library(file: &str) -> bool {
    file.split_once('/').is_some_and(|(package, _)| GO_PACKAGES.contains(&package))
}

fn has_foreign_directory(file: &str) -> bool {
    let (mut before, mut directory) = ("", "");
    for next in file.split(['/', '\\']) {
        if is_foreign(before, directory, next) {
            return true;
        }
        (before, directory) = (directory, next);
    }
    false
}

/// Whether a `directory` in `before`, which holds `next`, has only what is not the program's own.
fn is_foreign(before: &str, directory: &str, next: &str) -> bool {
    match directory {
        "node_modules" | "site-packages" | "dist-packages" | "vendor" | "gems" | ".pub-cache" => true,
        // How webpack before version 3 writes `node_modules`.
        "~" => before == ".",
        "ruby" | "rustlib" => before == "lib",
        "mod" => before == "pkg",
        "checkouts" => before == "git",
        "src" => before == "registry" || (is_go_root(before) && GO_PACKAGES.contains(&next)),
        "std" | "core" | "alloc" | "test" | "proc_macro" => before == "library" && next == "src",
        _ => is_python(before, directory) || is_go_module(directory),
    }
}

/// The directory of Python's own libraries: `lib/python3.11`, on Windows `Python311\Lib`.
fn is_python(before: &str, directory: &str) -> bool {
    let version = |name: &str| {
        let name = name.as_bytes();
        let rest = name.get(6..).filter(|_| name[..6].eq_ignore_ascii_case(b"python"));
        rest.or_else(|| name.strip_prefix(b"pypy"))
            .is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
    };
    (matches!(before, "lib" | "lib64") && version(directory))
        || (directory.eq_ignore_ascii_case("lib") && version(before))
}

/// Where Go itself is: `/usr/local/go`, `/usr/lib/go-1.22`, `/opt/homebrew/Cellar/go/1.22.1/libexec`, `GOROOT`.
fn is_go_root(name: &str) -> bool {
    let rest = name.as_bytes().get(2..).filter(|_| name.as_bytes()[..2].eq_ignore_ascii_case(b"go"));
    name == "libexec"
        || rest
            .is_some_and(|rest| rest.first().is_none_or(|byte| !byte.is_ascii_lowercase()) || rest == b"lang")
}

/// A module of another with its version: `chi@v5.0.1`.
fn is_go_module(directory: &str) -> bool {
    directory.split_once("@v").is_some_and(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit()))
}
