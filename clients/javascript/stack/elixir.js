// Elixir: `(shop 0.1.0) lib/shop/cart.ex:42: Shop.Cart.total/1`.

import { hasExtension, location, splitOnce } from './location.js';
import { frameIn } from './own.js';

/** @param {string} text */
export function elixirFrame(text) {
  const [application, rest] = text.startsWith('(')
    ? (splitOnce(text.slice(1), ') ') ?? ['', ''])
    : ['', text];
  const place = splitOnce(rest, ': ')?.[0];
  const found = place && location(place);
  if (!found || found.column || !hasExtension(found.file, 'ex exs eex heex leex erl xrl yrl'))
    return undefined;
  const frame = frameIn(found.file, found.line);
  const foreign =
    /^(compiler|crypto|eex|elixir|erts|ex_unit|iex|inets|kernel|logger|mix|public_key|sasl|ssl|stdlib)(?: |$)/;
  frame.own &&= !foreign.test(application) && !found.file.startsWith('deps/');
  return frame;
}
