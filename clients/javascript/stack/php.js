// PHP: `#0 /srv/shop/Pay.php(17): Shop\Cart->total()`, and the heading above, which alone names the place of the error.

import { Best, HEADING } from './frame.js';
import { isFile, lineNumber, location, splitLast, splitOnce } from './location.js';
import { frameIn } from './own.js';

/** @typedef {import('./line.js').Line} Line */

export class Php {
  best = new Best();
  before = '';

  /**
   * @param {Line} line
   * @param {number} number
   * @param {number} rank
   */
  read(line, number, rank) {
    const { before } = this;
    this.before = line.text;
    if (line.text === 'Stack trace:' || line.text === '[stacktrace]') {
      const heading = phpHeading(before, line.text === '[stacktrace]' ? ' at ' : ' in ');
      if (heading) this.best.offer(heading, rank, number);
      return true;
    }
    const frame = phpFrame(line.text);
    const onLine = frame ? undefined : phpOnLine(line.text);
    if (frame) this.best.offer(frame, rank, number);
    if (onLine) this.best.offer(onLine, HEADING, number);
    return frame !== undefined || onLine !== undefined;
  }
}

/** @param {string} text */
function phpFrame(text) {
  const number = /^#[0-9]+ /.exec(text);
  if (!number) return undefined;
  const call = text.slice(number[0].length);
  const from = /\(([0-9]+)\)(?:: | : |$)/.exec(call);
  return from ? phpPlace(call.slice(0, from.index), from[1]) : undefined;
}

/**
 * @param {string} text
 * @param {string} word
 */
function phpHeading(text, word) {
  const place = behindLast(word === ' at ' && text.endsWith(')') ? text.slice(0, -1) : text, word);
  const evaluated = place && splitOnce(place, ") : eval()'d code");
  if (evaluated) {
    const split = splitLast(evaluated[0], '(');
    return split && phpPlace(split[0], split[1]);
  }
  const found = place && location(place);
  return found ? frameIn(found.file, found.line) : undefined;
}

/** @param {string} text */
function phpOnLine(text) {
  const split = splitLast(text, ' on line ');
  const file = split && behindLast(split[0], ' in ');
  return file ? phpPlace(file, split[1]) : undefined;
}

/**
 * What stands behind the last `word` before an absolute path, because directories may have such words in their names; if there
 * is none, behind the last `word`.
 *
 * @param {string} text
 * @param {string} word
 */
function behindLast(text, word) {
  let start = text.lastIndexOf(word);
  while (
    start >= 0 &&
    !/^(\/|[A-Za-z]:[/\\]|phar:\/\/)/.test(text.slice(start + word.length, start + word.length + 8))
  ) {
    start = start < word.length ? -1 : text.lastIndexOf(word, start - word.length);
  }
  return start < 0 ? splitLast(text, word)?.[1] : text.slice(start + word.length);
}

/**
 * @param {string} file
 * @param {string | undefined} digits
 */
function phpPlace(file, digits) {
  const line = lineNumber(digits);
  return line !== undefined && isFile(file) ? frameIn(file, line) : undefined;
}
