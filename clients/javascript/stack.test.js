import assert from 'node:assert/strict';
import { test } from 'node:test';
import { raisedAt } from './stack.js';

/** @type {[name: string, stack: string, file: string | undefined, line?: number][]} */
const cases = [
  [
    'V8: a function',
    'Error: m\n    at f (http://h/a.js:10:5)\n    at g (http://h/b.js:1:1)',
    'http://h/a.js',
    10,
  ],
  ['V8: no function', 'Error: m\n    at http://h/a.js:10:5', 'http://h/a.js', 10],
  ['V8: async', 'Error: m\n    at async f (file:///a.js:2:3)', 'file:///a.js', 2],
  ['V8: async without a function', 'Error: m\n    at async file:///a.js:2:3', 'file:///a.js', 2],
  ['V8: a constructor and an alias', 'Error: m\n    at new A.b [as c] (/srv/a.js:7:1)', '/srv/a.js', 7],
  ['V8: eval', 'Error: m\n    at eval (eval at f (http://h/a.js:3:4), <anonymous>:1:1)', 'http://h/a.js', 3],
  ['V8: built-in first', 'TypeError: m\n    at Array.map (<anonymous>)\n    at f (/a.js:4:1)', '/a.js', 4],
  ['V8: Promise.all', 'Error: m\n    at async Promise.all (index 0)\n    at f (/a.js:4:1)', '/a.js', 4],
  ['V8: Node before own', 'Error: m\n    at open (node:fs:5:6)\n    at f (/srv/a.js:8:1)', '/srv/a.js', 8],
  ['V8: only Node', 'Error: m\n    at open (node:fs:5:6)', 'node:fs', 5],
  ['V8: Windows', 'Error: m\n    at f (C:\\srv\\a.js:8:1)', 'C:\\srv\\a.js', 8],
  [
    'V8: webpack',
    'Error: m\n    at f (webpack-internal:///./src/a.tsx:8:1)',
    'webpack-internal:///./src/a.tsx',
    8,
  ],
  ['V8: parentheses in a path', 'Error: m\n    at f (/app/(shop)/a (1).js:8:1)', '/app/(shop)/a (1).js', 8],
  ['V8: the same, no function', 'Error: m\n    at /app/(shop)/a.js:8:1', '/app/(shop)/a.js', 8],
  ['V8: a port is no line', 'Error: m\n    at f (http://h:8080/a.js:8:1)', 'http://h:8080/a.js', 8],
  ['V8: a query', 'Error: m\n    at f (http://h/a.tsx?t=1699#x:8:1)', 'http://h/a.tsx', 8],
  ['Firefox: a function', 'f@http://h/a.js:10:5\ng@http://h/b.js:1:1\n', 'http://h/a.js', 10],
  ['Firefox: no function', '@http://h/a.js:10:5\n', 'http://h/a.js', 10],
  ['Firefox: async and closures', 'async*f/<@http://h/a.js:10:5\n', 'http://h/a.js', 10],
  ['Firefox: an @ in the path', 'f@http://h/@scope/a.js:10:5\n', 'http://h/@scope/a.js', 10],
  ['Firefox: eval', 'f@http://h/a.js line 5 > eval:1:1\n', 'http://h/a.js', 5],
  ['Safari: global code', 'global code@http://h/a.js:10:5', 'http://h/a.js', 10],
  ['Safari: native first', 'map@[native code]\nf@http://h/a.js:10:5', 'http://h/a.js', 10],
  ['Safari: no function', 'http://h/a.js:10:5', 'http://h/a.js', 10],
  ['nothing to read', 'Error: m', undefined],
  ['empty', '', undefined],
];

for (const [name, stack, file, line] of cases) {
  test(name, () => {
    const found = raisedAt(stack, 'Error: m');
    assert.deepEqual(found, file === undefined ? undefined : { file, line });
  });
}

test('a message that looks like a frame', () => {
  const heading = 'Error: failed\n    at f (http://h/wrong.js:1:1)';
  const found = raisedAt(`${heading}\n    at g (http://h/a.js:2:2)`, heading);
  assert.deepEqual(found, { file: 'http://h/a.js', line: 2 });
});
