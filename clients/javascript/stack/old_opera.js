// Opera before version 11.

import { afterScheme, isFile, lineNumber, splitLast, splitOnce, withoutQuery } from './location.js';
import { frameIn } from './own.js';

/** @param {string} text */
export function oldOperaFrame(text) {
  const linked = /^Line ([0-9]+) of .*?script (?:in )?(.*)$/s.exec(text);
  if (linked?.[2] !== undefined) return ofAddress(splitOnce(linked[2], ': In ')?.[0] ?? linked[2], linked[1]);
  const thrown = /^(?:Error thrown at|called from) line ([0-9]+), column (.*)$/s.exec(text);
  const place = thrown?.[2] && splitLast(thrown[2], ' in ')?.[1];
  return place ? ofAddress(place, thrown?.[1]) : undefined;
}

/**
 * @param {string} place
 * @param {string | undefined} digits
 */
function ofAddress(place, digits) {
  let end = place.length;
  while (place[end - 1] === ':') end -= 1;
  const file = withoutQuery(place.slice(0, end));
  const line = lineNumber(digits);
  return line !== undefined && isFile(file) && afterScheme(file) !== undefined
    ? frameIn(file, line)
    : undefined;
}
