// Reads the stack texts of V8 (Chrome, Edge, Node), Firefox and Safari. There is no standard for them.

/**
 * @typedef {object} Frame
 * @property {string} file
 * @property {number} line
 */

/**
 * The place where an error was raised: the first frame of `stack` that names a file, preferring the program's own files to
 * Node's. `undefined` if there is none.
 *
 * @param {string} stack
 * @param {string} [heading] What V8 writes before the frames, `name: message`; a message may look like a frame.
 * @returns {Frame | undefined}
 */
export function raisedAt(stack, heading = '') {
  const frames = stack.startsWith(heading) ? stack.slice(heading.length) : stack;
  const found = frames.split('\n').flatMap((line) => readFrame(line.trim()) ?? []);
  return found.find((frame) => !frame.file.startsWith('node:')) ?? found[0];
}

/**
 * @param {string} line
 * @returns {Frame | undefined}
 */
function readFrame(line) {
  const location = line.startsWith('at ') ? locationInV8(line.slice(3)) : locationInGecko(line);
  const match = /^(.+?):(\d+)(?::\d+)?$/.exec(location);
  if (!match?.[1] || !match[2] || match[1].startsWith('<')) {
    return undefined;
  }
  return { file: withoutQuery(match[1]), line: Number(match[2]) };
}

/**
 * `fn (file:1:2)`, `async file:1:2`, `eval (eval at fn (file:1:2), <anonymous>:1:1)`. A directory may have parentheses too.
 *
 * @param {string} frame
 */
function locationInV8(frame) {
  const open = frame.indexOf(' (');
  if (open < 0 || !frame.endsWith(')')) {
    return frame.replace(/^async /, '');
  }
  const inside = frame.slice(open + 2, -1);
  return inside.startsWith('eval at ') ? (/\((.+?:\d+:\d+)\)/.exec(inside)?.[1] ?? '') : inside;
}

/**
 * `fn@file:1:2`, `@file:1:2`, `file:1:2`, `fn@file line 5 > eval:1:1`. An `@` may come again in the file's name.
 *
 * @param {string} frame
 */
function locationInGecko(frame) {
  const location = frame.slice(frame.indexOf('@') + 1);
  const evaluated = /^(.+?) line (\d+) > /.exec(location);
  return evaluated ? `${evaluated[1]}:${evaluated[2]}` : location;
}

/**
 * Development servers put a new `?t=…` behind a file's name at each change; the fingerprint must not change with it.
 *
 * @param {string} file
 */
function withoutQuery(file) {
  return /^https?:/.test(file) ? file.replace(/[?#].*$/, '') : file;
}
