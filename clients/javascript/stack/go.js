// Go: the name of a function, and below it `/srv/shop/cart.go:42 +0x1d`.

import { Best, Sections } from './frame.js';
import { hasExtension, location, splitLast, splitOnce } from './location.js';
import { frameIn, GO_PACKAGES } from './own.js';

export class Go {
  best = new Best();
  sections = new Sections();
  goroutines = 0;

  /**
   * @param {string} text
   * @param {number} number
   */
  read(text, number) {
    if (text.startsWith('goroutine ') && text.endsWith(':')) {
      this.goroutines += 1;
      if (this.goroutines > 1) this.sections.earlier();
      return true;
    }
    if (text.startsWith('panic(') && this.goroutines < 2) {
      this.sections.later();
      return true;
    }
    const frame = goFrame(text);
    if (frame) this.best.offer(frame, this.sections.current, number);
    return frame !== undefined;
  }
}

/** @param {string} text */
function goFrame(text) {
  const split = splitLast(text, ' +0x');
  const found = location(split && /^[0-9a-fA-F]*$/.test(split[1]) ? split[0] : text);
  if (!found || found.column || !hasExtension(found.file, 'go s')) return undefined;
  const frame = frameIn(found.file, found.line);
  frame.own &&= !GO_PACKAGES.includes(splitOnce(found.file, '/')?.[0] ?? '');
  return frame;
}
