// Which files and classes are not the program's own.

/** @typedef {import('./frame.js').Frame} Frame */

export const GO_PACKAGES =
  'archive bufio builtin bytes cmd compress container context crypto database debug embed encoding errors expvar flag fmt go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime slices sort strconv strings structs sync syscall testing text time unicode unique unsafe weak'.split(
    ' ',
  );
const NODE_FILES =
  '_http_agent _http_client _http_common _http_incoming _http_outgoing _http_server _stream_duplex _stream_readable _stream_transform _stream_writable _tls_wrap assert bootstrap_node buffer child_process cluster crypto dgram dns domain events fs http https module net readline stream timers tls vm zlib'.split(
    ' ',
  );
const FOREIGN_START =
  /^(node:|<|\[native code\]|internal\/|ext:|deno:|bun:|native:|dart:|package:flutter\/|\/rustc\/|self-hosted|webkit-masked-url:|InternalBytecode\.js|webpack\/|webpack:\/\/\/webpack\/)/;
const JVM_PACKAGE = /^(java|javax|jdk|sun|com\.sun|kotlin|kotlinx|scala|android|androidx|_COROUTINE)\./;

/**
 * @param {string} file
 * @param {number} line
 * @returns {Frame}
 */
export function frameIn(file, line) {
  return { file, line, own: isOwn(file) };
}

/** @param {string} file */
export function isOwn(file) {
  const nodeFile = file.endsWith('.js') && NODE_FILES.includes(file.slice(0, -3));
  return !FOREIGN_START.test(file) && !nodeFile && !hasForeignDirectory(file);
}

/** @param {string} name */
export function isOwnClass(name) {
  return !JVM_PACKAGE.test(name.slice(name.lastIndexOf('/') + 1));
}

/** @param {string} file */
function hasForeignDirectory(file) {
  const parts = file.split(/[/\\]/);
  return parts.some((part, index) => {
    const next = parts[index + 1];
    return next !== undefined && isForeign(parts[index - 1] ?? '', part, next);
  });
}

/**
 * @param {string} before
 * @param {string} directory
 * @param {string} next
 */
function isForeign(before, directory, next) {
  switch (directory) {
    case 'node_modules':
    case 'site-packages':
    case 'dist-packages':
    case 'vendor':
    case 'gems':
    case '.pub-cache':
      return true;
    // How webpack before version 3 writes `node_modules`.
    case '~':
      return before === '.';
    case 'ruby':
    case 'rustlib':
      return before === 'lib';
    case 'mod':
      return before === 'pkg';
    case 'checkouts':
      return before === 'git';
    case 'src':
      return before === 'registry' || (isGoRoot(before) && GO_PACKAGES.includes(next));
    case 'std':
    case 'core':
    case 'alloc':
    case 'test':
    case 'proc_macro':
      return before === 'library' && next === 'src';
    default:
      return isPython(before, directory) || /^[0-9]/.test(directory.split('@v')[1] ?? '');
  }
}

/** @param {string} name */
function isGoRoot(name) {
  return name === 'libexec' || (/^go/i.test(name) && (!/^..[a-z]/.test(name) || name.slice(2) === 'lang'));
}

/**
 * @param {string} before
 * @param {string} directory
 */
function isPython(before, directory) {
  const version = /^(?:[Pp][Yy][Tt][Hh][Oo][Nn]|pypy)[0-9]/;
  return (
    (/^lib(?:64)?$/.test(before) && version.test(directory)) ||
    (/^lib$/i.test(directory) && version.test(before))
  );
}
