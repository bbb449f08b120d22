// Where an error was raised, read from the text of its stack. This is the reader of the server (`wire/src/stack.rs`, which
// explains the forms) in JavaScript; both are tested with the stacks in `wire/tests/stacks`. A browser reads stacks of other
// languages, too: those of errors that a service sent it.

import { At } from './stack/at.js';
import { dartFrame } from './stack/dart.js';
import { elixirFrame } from './stack/elixir.js';
import { Best, Sections } from './stack/frame.js';
import { geckoFrame } from './stack/gecko.js';
import { Go } from './stack/go.js';
import { ends, lines, withoutColours } from './stack/line.js';
import { oldOperaFrame } from './stack/old_opera.js';
import { Php } from './stack/php.js';
import { Python } from './stack/python.js';
import { rubyFrame, rubyNumber } from './stack/ruby.js';

/**
 * @typedef {object} Place
 * @property {string} file
 * @property {number} line 0 if the frame names only its file.
 */

/** @typedef {import('./stack/line.js').Line} Line */

/**
 * The innermost frame of the program's own code; if there is none, the innermost frame; else `undefined`.
 *
 * @param {string} stack
 * @param {string} [message] What the error says. Lines that only repeat it are not read: a message may look like a frame.
 * @returns {Place | undefined}
 */
export function raisedAt(stack, message = '') {
  const parts = ends(stack).map(withoutColours);
  const said = withoutColours(message);
  // A message that holds the whole stack must not hide it.
  const frame = frameOf(parts, said) ?? (said ? frameOf(parts, '') : undefined);
  return frame && { file: frame.file, line: frame.line };
}

/**
 * @param {string[]} parts
 * @param {string} message
 */
function frameOf(parts, message) {
  const forms = new Forms();
  for (const part of parts) {
    for (const line of lines(part, message)) forms.read(line);
  }
  return forms.frame();
}

/** The readers of all forms. The form that recognises most lines is that of the stack. */
class Forms {
  number = 0;
  sections = new Sections();
  python = new Python();
  at = new At();
  php = new Php();
  go = new Go();
  /** Forms of which each line stands for itself: the reader, and by how much its place in the stack lowers the rank. */
  plain = [
    { best: new Best(), read: dartFrame, distance: none },
    // The stack of an error inside of another's message is indented further.
    { best: new Best(), read: elixirFrame, distance: (/** @type {Line} */ line) => line.indent },
    { best: new Best(), read: rubyFrame, distance: (/** @type {Line} */ line) => rubyNumber(line.text) ?? 0 },
    { best: new Best(), read: oldOperaFrame, distance: none },
    { best: new Best(), read: geckoFrame, distance: none },
  ];

  /** @param {Line} line */
  read(line) {
    this.number += 1;
    this.sections.read(line.text);
    const { number } = this;
    const rank = this.sections.current;
    // The forms that are easiest to recognise come first: who recognises a line keeps it.
    if (
      this.python.read(line, number) ||
      this.at.read(line, number, rank) ||
      this.php.read(line, number, rank) ||
      this.go.read(line.text, number)
    ) {
      return;
    }
    for (const { best, read, distance } of this.plain) {
      const frame = read(line.text);
      if (frame) {
        best.offer(frame, rank + distance(line), number);
        return;
      }
    }
  }

  frame() {
    const { python, at, php, go, plain } = this;
    const all = [python.best, at.best(), php.best, go.best, ...plain.map((form) => form.best)];
    const first = Math.min(...all.map((best) => best.first));
    if (python.leads && python.best.first === first) {
      return python.best.frame();
    }
    /** @type {Best | undefined} */
    let chosen;
    for (const best of all) {
      if (best.first < Infinity && (!chosen || best.isPlainerThan(chosen))) chosen = best;
    }
    return chosen?.frame();
  }
}

function none() {
  return 0;
}
