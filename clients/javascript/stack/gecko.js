// Firefox, Safari and what imitates them: `add@https://shop/cart.js:10:5`.

import { afterScheme, isFile, lineNumber, location, splitLast, splitOnce, withoutQuery } from './location.js';
import { frameIn } from './own.js';

/** @param {string} text */
export function geckoFrame(text) {
  const place = geckoPlace(text);
  const before = splitOnce(place, ' > ')?.[0];
  const evaluated = before && splitLast(before, ' line ');
  if (evaluated) {
    const line = lineNumber(evaluated[1]);
    const file = withoutQuery(evaluated[0]);
    if (line !== undefined && isFile(file)) return frameIn(file, line);
  }
  const found = location(place);
  const bare = place.length === text.length;
  const isFrame =
    hasScheme(place) ||
    (found?.column && (!bare || place.startsWith('/'))) ||
    (!bare && place.startsWith('/'));
  return found && isFrame ? frameIn(found.file, found.line) : undefined;
}

/**
 * What stands behind the `@`; the whole text if there is none. Names of functions and addresses may have an `@`, too.
 *
 * @param {string} text
 */
function geckoPlace(text) {
  const name = computedName(text);
  /** @type {string | undefined} */
  let path;
  /** @type {string | undefined} */
  let first;
  for (let at = text.indexOf('@', name); at >= 0; at = text.indexOf('@', at + 1)) {
    const after = text.slice(at + 1);
    if (hasScheme(after)) return after;
    path ??= /^[/[]/.test(after) ? after : undefined;
    first ??= after;
  }
  return path ?? first ?? text;
}

/**
 * How long the beginning of a text is that ends with a property's name in quotes: `cart["a@b"]`.
 *
 * @param {string} text
 */
function computedName(text) {
  let end = 0;
  for (let open = text.indexOf('["'); open >= 0; open = text.indexOf('["', end)) {
    const close = text.indexOf('"]', open + 2);
    if (close < 0) break;
    end = close + 2;
  }
  return end;
}

/** @param {string} text */
function hasScheme(text) {
  return (
    (afterScheme(text)?.startsWith('/') ?? false) || text.startsWith('blob:') || text.startsWith('node:')
  );
}
