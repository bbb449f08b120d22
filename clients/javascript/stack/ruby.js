// Ruby: `/srv/shop/cart.rb:42:in 'Cart#total': no price (Failed)`, on some terminals numbered and the other way round.

import { hasExtension, lineNumber, location, orEnd } from './location.js';
import { frameIn } from './own.js';

/** @param {string} text */
export function rubyFrame(text) {
  const number = rubyNumber(text);
  const unnumbered = number === undefined ? text : text.slice(text.indexOf(' ') + 1);
  const isCaller = unnumbered.startsWith('from ');
  const place = isCaller ? unnumbered.slice(5) : unnumbered;
  const end = place.search(/:in ['`]/);
  const found = location(place.slice(0, orEnd(place, end)));
  if (!found || found.column) return undefined;
  const isFrame =
    end >= 0 ||
    hasExtension(found.file, 'rb rake ru erb haml slim gemspec') ||
    (isCaller && found.file.includes('/'));
  return isFrame ? frameIn(found.file, found.line) : undefined;
}

/** @param {string} text */
export function rubyNumber(text) {
  return lineNumber(/^([0-9]+): from /.exec(text)?.[1]);
}
