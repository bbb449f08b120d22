// Dart: `#0      Cart.total (package:shop/cart.dart:42:7)`, and the short form of the package `stack_trace`.

import { isFile, lineNumber, location, splitLast, splitOnce } from './location.js';
import { frameIn } from './own.js';

/** @param {string} text */
export function dartFrame(text) {
  if (text.startsWith('#')) {
    const place = text.endsWith(')') ? splitLast(text.slice(1, -1), ' (')?.[1] : undefined;
    const found = place && location(place);
    return found ? frameIn(found.file, found.line) : undefined;
  }
  const split = splitOnce(text, '.dart ');
  const line = lineNumber(split?.[1].split(/[: ]/, 1)[0]);
  const file = `${split?.[0]}.dart`;
  return line !== undefined && isFile(file) ? frameIn(file, line) : undefined;
}
