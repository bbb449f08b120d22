// Frames that begin with `at`: V8 and what imitates it (Hermes, Internet Explorer, PhantomJS), Java, Kotlin, .NET, Rust.

import { Best, HEADING } from './frame.js';
import { trimEnd } from './line.js';
import {
  hasExtension,
  isDigit,
  isFile,
  lineNumber,
  location,
  splitLast,
  splitOnce,
  trailingNumber,
} from './location.js';
import { frameIn, isOwn, isOwnClass } from './own.js';

/** @typedef {import('./frame.js').Frame} Frame */
/** @typedef {import('./line.js').Line} Line */

const JVM_EXTENSIONS = 'java kt kts scala groovy clj';
const SOURCE_EXTENSIONS = 'js mjs cjs jsx ts mts cts tsx vue svelte bundle jsbundle html rs java kt cs dart';

export class At {
  indented = new Best();
  flush = new Best();
  enclosing = 0;

  /**
   * @param {Line} line
   * @param {number} number
   * @param {number} rank
   */
  read(line, number, rank) {
    if (!line.text.startsWith('at ')) return this.readHeading(line.text, number);
    const endsInner = line.text.endsWith('<---');
    const call = endsInner ? trimEnd(line.text.slice(3, -4)) : line.text.slice(3);
    const frame = dotnetFrame(call) ?? atFrame(call);
    if (frame) (line.indent > 0 ? this.indented : this.flush).offer(frame, rank + this.enclosing, number);
    if (endsInner && this.enclosing > 0) this.enclosing -= 1;
    return true;
  }

  /**
   * @param {string} text
   * @param {number} number
   */
  readHeading(text, number) {
    if (text.startsWith('--- End of inner exception stack trace')) {
      if (this.enclosing > 0) this.enclosing -= 1;
      return true;
    }
    this.enclosing += text.split('---> ').length - 1;
    const frame = rustPanic(text) ?? (number === 1 ? nodeSyntaxError(text) : undefined);
    if (!frame) return false;
    this.indented.offer(frame, HEADING, number);
    this.flush.offer(frame, HEADING, number);
    return true;
  }

  /** Frames that are not indented count only if no frame is; else they are part of a message. */
  best() {
    return this.indented.frames > 0 || this.flush.frames === 0 ? this.indented : this.flush;
  }
}

/**
 * `Shop.Cart.Add(Item i) in C:\src\Cart.cs:line 42`, and Mono's `… [0x0001a] in /src/Cart.cs:42`.
 *
 * @param {string} call
 * @returns {Frame | undefined}
 */
function dotnetFrame(call) {
  const mono = splitOnce(call, '] in ');
  const split = splitOnce(call, ') in ') ?? (mono?.[0].includes('[0x') ? mono : undefined);
  if (!split) return undefined;
  const [method, place] = split;
  const found = splitLast(place, ':line ') ?? (method.includes('[0x') ? trailingNumber(place) : undefined);
  const line = lineNumber(found?.[1]);
  if (!found || line === undefined || !isFile(found[0])) return undefined;
  return { file: found[0], line, own: !/^(System|Microsoft)\./.test(method) && isOwn(found[0]) };
}

/**
 * @param {string} line
 * @returns {Frame | undefined}
 */
function atFrame(line) {
  const call = withoutPackaging(line.endsWith(' {') ? line.slice(0, -2) : line);
  const split = nameAndPlace(call);
  if (!split) {
    const bare = call.startsWith('async ') ? call.slice(6) : call;
    const found = location(bare);
    const plain =
      found && (found.column || /[/\\]/.test(bare) || hasExtension(found.file, SOURCE_EXTENSIONS));
    return plain ? frameIn(found.file, found.line) : undefined;
  }
  const [name, inside] = split;
  if (inside.startsWith('eval at ')) return evaluatedInV8(inside);
  const place = inside.startsWith('address at ') ? inside.slice(11) : inside;
  const found = location(place);
  if (!found) {
    return isJvmFile(place) ? { file: place, line: 0, own: isOwnClass(name) } : undefined;
  }
  const frame = frameIn(found.file, found.line);
  if (!found.column && !/[/\\]/.test(found.file)) frame.own &&= isOwnClass(name);
  return frame;
}

/** @param {string} place */
function isJvmFile(place) {
  return isFile(place) && hasExtension(place, JVM_EXTENSIONS) && !/[/\\ ]/.test(place);
}

/** @param {string} call */
function withoutPackaging(call) {
  if (!call.endsWith(']')) return call;
  const tilde = call.lastIndexOf(' ~[');
  const start = tilde < 0 ? call.slice(0, -1).lastIndexOf(' [') : tilde;
  const cut = trimEnd(call.slice(0, Math.max(start, 0)));
  return cut.endsWith(')') ? cut : call;
}

/**
 * `name (place)`. Names and places may have parentheses, too.
 *
 * @param {string} call
 * @returns {[string, string] | undefined}
 */
function nameAndPlace(call) {
  if (!call.endsWith(')')) return undefined;
  const inside = (/** @type {number} */ open) => call.slice(open + 1, -1);
  let open = pairedParenthesis(call);
  if (open < 0 || (call[open - 1] !== ' ' && !isJvmPlace(inside(open)))) {
    const blank = call.indexOf(' (');
    open = blank < 0 ? open : blank + 1;
  }
  return open < 0 || open + 1 > call.length - 1 ? undefined : [trimEnd(call.slice(0, open)), inside(open)];
}

/**
 * The parenthesis that opens what the last one closes, or -1.
 *
 * @param {string} call
 */
function pairedParenthesis(call) {
  let depth = 0;
  for (let index = call.length - 1; index >= 0; index -= 1) {
    if (call[index] === ')') depth += 1;
    if (call[index] === '(') depth -= 1;
    if (depth === 0) return call[index] === '(' ? index : -1;
  }
  return -1;
}

/** @param {string} place */
function isJvmPlace(place) {
  return isJvmFile(trailingNumber(place)?.[0] ?? place);
}

/**
 * The place of the outermost `eval`, which alone is in a file.
 *
 * @param {string} place
 */
function evaluatedInV8(place) {
  let rest = place;
  while (rest.startsWith('eval at ')) {
    const split = splitOnce(rest, ' (');
    if (!split) return undefined;
    rest = split[1];
  }
  for (let end = rest.indexOf(')'); end >= 0; end = rest.indexOf(')', end + 1)) {
    if (isDigit(rest[end - 1]) && trailingNumber(rest.slice(0, end))) {
      const found = location(rest.slice(0, end));
      return found && frameIn(found.file, found.line);
    }
  }
  return undefined;
}

/** @param {string} text */
function rustPanic(text) {
  const place = splitOnce(text, 'panicked at ')?.[1];
  const bare = /^['"]/.test(place ?? '') ? splitLast(place ?? '', ', ')?.[1] : place;
  const found = location(bare?.endsWith(':') ? bare.slice(0, -1) : (bare ?? ''));
  return found?.column ? frameIn(found.file, found.line) : undefined;
}

/**
 * `/srv/cart.js:12`, with which Node begins the stack of a syntax error.
 *
 * @param {string} text
 */
function nodeSyntaxError(text) {
  const found = location(text);
  return found &&
    !found.column &&
    hasExtension(found.file, SOURCE_EXTENSIONS) &&
    /^([/\\]|.:|file:\/\/)/.test(found.file)
    ? frameIn(found.file, found.line)
    : undefined;
}
