// `file:line` and `file:line:column`, and what is no file although it looks like one.

import { trimEnd } from './line.js';

/** @typedef {{file: string, line: number, column: boolean}} Location */

/** Longest path of a file; the server refuses longer ones. */
const FILE_PATH_BYTES = 4096;

/** Highest number of a line. */
const LINE_MAX = 4294967295;

/**
 * @param {string} text
 * @returns {Location | undefined}
 */
export function location(text) {
  const last = trailingNumber(text);
  const before = last && trailingNumber(last[0]);
  const [named, digits] = before ?? last ?? ['', ''];
  const file = withoutQuery(trimEnd(named.replace(/^[ \t]+/, '')));
  const line = lineNumber(digits);
  return line === undefined || !isFile(file) ? undefined : { file, line, column: before !== undefined };
}

/**
 * `head:digits`.
 *
 * @param {string} text
 * @returns {[string, string] | undefined}
 */
export function trailingNumber(text) {
  let digits = text.length;
  while (digits > 0 && isDigit(text[digits - 1])) digits -= 1;
  return digits < text.length && text[digits - 1] === ':'
    ? [text.slice(0, digits - 1), text.slice(digits)]
    : undefined;
}

/** @param {string | undefined} char */
export function isDigit(char) {
  return char !== undefined && char >= '0' && char <= '9';
}

/**
 * @param {string | undefined} digits
 * @returns {number | undefined}
 */
export function lineNumber(digits) {
  return digits && /^[0-9]+$/.test(digits) && Number(digits) <= LINE_MAX ? Number(digits) : undefined;
}

/**
 * Whether the text can be the name of a file. A time (`10:30:15`) and a host with its port are none.
 *
 * @param {string} text
 */
export function isFile(text) {
  return (
    fits(text) &&
    /\p{Alphabetic}/u.test(text) &&
    (/^[<[]|[/\\]|\.[A-Za-z<]/.test(text) || /^[A-Za-z_]/.test(afterScheme(text) ?? '')) &&
    !/^https?:\/\/[^/]*$/.test(text)
  );
}

/** @param {string} file */
export function fits(file) {
  return (
    file !== '' && file.length <= FILE_PATH_BYTES && new TextEncoder().encode(file).length <= FILE_PATH_BYTES
  );
}

/**
 * What follows the scheme of an address. The letter of a drive is no scheme.
 *
 * @param {string} text
 */
export function afterScheme(text) {
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]+:/.exec(text);
  return scheme ? text.slice(scheme[0].length) : undefined;
}

/**
 * Development servers put a new `?t=…` behind a file's name at each change; the fingerprint must not change with it.
 *
 * @param {string} file
 */
export function withoutQuery(file) {
  return afterScheme(file) === undefined ? file : file.slice(0, orEnd(file, file.search(/[?#]/)));
}

/**
 * @param {string} text
 * @param {number} index
 */
export function orEnd(text, index) {
  return index < 0 ? text.length : index;
}

/**
 * @param {string} file
 * @param {string} extensions Separated by blanks.
 */
export function hasExtension(file, extensions) {
  const dot = file.lastIndexOf('.');
  return dot > 0 && extensions.split(' ').includes(file.slice(dot + 1));
}

/**
 * What stands before the first `separator`, and what behind it.
 *
 * @param {string} text
 * @param {string} separator
 * @returns {[string, string] | undefined}
 */
export function splitOnce(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? undefined : [text.slice(0, at), text.slice(at + separator.length)];
}

/**
 * The same for the last one.
 *
 * @param {string} text
 * @param {string} separator
 * @returns {[string, string] | undefined}
 */
export function splitLast(text, separator) {
  const at = text.lastIndexOf(separator);
  return at < 0 ? undefined : [text.slice(0, at), text.slice(at + separator.length)];
}
