import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { raisedAt } from './stack.js';

/** The stacks with which the server's reader is tested. */
const folder = new URL('../../wire/tests/stacks/', import.meta.url);

/** @typedef {{name: string, message?: string, stack: string[], file: string | null, line?: number}} Stack */

for (const file of readdirSync(folder)) {
  /** @type {Stack[]} */
  const stacks = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  test(file, async (form) => {
    for (const { name, message, stack, file, line } of stacks) {
      await form.test(name, () => {
        const found = raisedAt(stack.join('\n'), message);
        assert.deepEqual(found, file === null ? undefined : { file, line });
      });
    }
  });
}

test('the middle of a very long stack is not read', () => {
  const filler = '        a line that tells nothing\n'.repeat(20_000);
  const v8 = `Error: m\n    at f (/srv/first.js:1:1)\n${filler}    at g (/srv/last.js:2:2)\n`;
  assert.deepEqual(raisedAt(v8), { file: '/srv/first.js', line: 1 });
  const python = `  File "/srv/first.py", line 1, in f\n${filler}  File "/srv/last.py", line 2, in g\n`;
  assert.deepEqual(raisedAt(python), { file: '/srv/last.py', line: 2 });
});

// Each of these takes minutes if the time is not linear in the length.
test('hostile stacks take no time', () => {
  const pieces = [
    '(',
    ')',
    ' (',
    'eval at a (',
    '1',
    ':1',
    '@',
    '@http',
    '["',
    ' > ',
    ' line 1',
    '/',
    '#0 (1',
  ];
  pieces.push(
    '---> ',
    ' in ',
    ') in ',
    ' ',
    '|',
    '\u001b[',
    'a.dart ',
    '\r',
    'script ',
    '\u2028',
    'a',
    '..',
    'a:',
  );
  const starts = [
    '',
    'at ',
    '    at a (',
    '#0 ',
    'File "',
    'Line 1 of ',
    'called from line 1, column ',
    'a@',
  ];
  for (const start of starts) {
    for (const piece of pieces) {
      for (const end of ['', ')', ':1:1', ':1:1)', '\u2028x']) {
        raisedAt(start + piece.repeat(20_000 / piece.length) + end, 'a\nb');
      }
      raisedAt(`${start}${piece}\n`.repeat(2_000), `${piece}\n${start}`);
    }
  }
});
