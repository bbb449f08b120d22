import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { configure, dropped, flush, reportError } from './log_center.js';

/** @type {{path: string | undefined, body: any}[]} */
const received = [];
let status = 200;
const server = createServer(async (request, answer) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  received.push({ path: request.url, body: JSON.parse(body) });
  answer.writeHead(status).end('{}');
});
let url = '';

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : '';
  configure({ url, projectId: 'shop_web', environment: 'staging', version: '1.2.3' });
});
after(() => server.close());

/**
 * @param {unknown} thrown
 * @param {any} [context]
 */
async function send(thrown, context) {
  received.length = 0;
  reportError(thrown, context);
  assert.equal(await flush(10_000), true);
  const [only, ...others] = received;
  assert.ok(only && others.length === 0);
  return only;
}

test('an error', async () => {
  const error = new TypeError('no cart');
  const sent = await send(error, { request_id: 'req_abc123', user_id: 'u_1' });
  assert.equal(sent.path, '/api/v1/logs/report');
  const { timestamp, error: fields, ...rest } = sent.body;
  assert.deepEqual(rest, {
    project_id: 'shop_web',
    environment: 'staging',
    level: 'ERROR',
    version: '1.2.3',
    context: { request_id: 'req_abc123', user_id: 'u_1' },
  });
  assert.match(timestamp, /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.equal(fields.type, 'TypeError');
  assert.equal(fields.message, 'no cart');
  assert.equal(fields.file_path, import.meta.url);
  assert.equal(fields.stack_trace[0], 'TypeError: no cart');
  assert.ok(fields.stack_trace[1].includes(`log_center.test.js:${fields.line_number}`));
});

test('what is thrown and is no error', async () => {
  /** @type {[unknown, string, string][]} */
  const cases = [
    ['text', 'Thrown string', 'text'],
    [7, 'Thrown number', '7'],
    [null, 'Thrown null', 'null'],
    [undefined, 'Thrown undefined', 'undefined'],
    [{ code: 4 }, 'Thrown object', '{"code":4}'],
    [Symbol('s'), 'Thrown symbol', 'Symbol(s)'],
    [{ name: 'AxiosError', message: 'timeout' }, 'AxiosError', 'timeout'],
  ];
  for (const [thrown, type, message] of cases) {
    const sent = await send(thrown);
    assert.deepEqual([sent.body.error.type, sent.body.error.message], [type, message]);
    assert.deepEqual([sent.body.error.file_path, sent.body.error.line_number], ['unknown', 0]);
  }
});

test('causes follow the stack', async () => {
  const sent = await send(new Error('outer', { cause: new RangeError('inner') }));
  assert.ok(sent.body.error.stack_trace.includes('Caused by: RangeError: inner'));
});

/** @param {unknown} thrown */
async function fields(thrown) {
  return (await send(thrown)).body.error;
}

/**
 * A line of a stack that names this file and the line.
 *
 * @param {{file_path: string, line_number: number}} error
 */
function ofThisFile(error) {
  return error.file_path === import.meta.url && error.line_number > 0;
}

test('a cause that is no error is shown', async () => {
  for (const [cause, shown] of [
    [{ code: 'card_declined' }, 'Caused by: {"code":"card_declined"}'],
    ['card declined', 'Caused by: card declined'],
    [402, 'Caused by: 402'],
    [null, 'Caused by: null'],
  ]) {
    const error = await fields(new Error('failed', { cause }));
    assert.ok(error.stack_trace.includes(shown), error.stack_trace.join('\n'));
    assert.ok(ofThisFile(error));
  }
});

test('the inner errors of an AggregateError are shown', async () => {
  const thrown = await Promise.any([
    Promise.reject(new Error('db')),
    Promise.reject(new TypeError('cache')),
    Promise.reject('no error'),
  ]).catch((error) => error);
  const error = await fields(thrown);
  assert.deepEqual([error.type, error.message], ['AggregateError', 'All promises were rejected']);
  for (const line of [
    'Caused by (1 of 3): Error: db',
    'Caused by (2 of 3): TypeError: cache',
    'Caused by (3 of 3): no error',
  ]) {
    assert.ok(error.stack_trace.includes(line), error.stack_trace.join('\n'));
  }
  // It has no frames of its own, so its place is that of the first inner error.
  assert.ok(ofThisFile(error));
});

test('an AggregateError that was made here has its own place, and inner errors may have inner errors', async () => {
  const inner = new AggregateError([new Error('deepest')], 'inner');
  const thrown = new AggregateError([inner], 'outer', { cause: new Error('reason') });
  const error = await fields(thrown);
  const headings = error.stack_trace.filter((/** @type {string} */ line) => !line.startsWith('    at '));
  assert.deepEqual(headings, [
    'AggregateError: outer',
    'Caused by (1 of 1): AggregateError: inner',
    'Caused by (1 of 1): Error: deepest',
    'Caused by: Error: reason',
  ]);
  assert.ok(ofThisFile(error));
});

test('circles, and very many inner errors, are bounded', async () => {
  const circle = new Error('circle');
  circle.cause = circle;
  assert.equal(
    (await fields(circle)).stack_trace.filter((/** @type {string} */ line) => line.includes('circle')).length,
    1,
  );
  const many = new AggregateError(Array.from({ length: 10_000 }, (_, index) => new Error(`e${index}`)));
  assert.ok((await fields(many)).stack_trace.length <= 200);
});

test('an error of another realm', async () => {
  const raise = (/** @type {string} */ source) => {
    try {
      return runInNewContext(source, {}, { filename: '/srv/plugin.js' });
    } catch (error) {
      return error;
    }
  };
  for (const [source, type, line] of /** @type {[string, string, number][]} */ ([
    ["throw new TypeError('no plugin')", 'TypeError', 1],
    ['\n\nnull.x', 'TypeError', 3],
    ["\nthrow new RangeError('no plugin', { cause: new Error('why') })", 'RangeError', 2],
  ])) {
    const thrown = raise(source);
    assert.ok(!(thrown instanceof Error));
    const error = await fields(thrown);
    assert.deepEqual([error.type, error.file_path, error.line_number], [type, '/srv/plugin.js', line]);
    assert.ok(error.stack_trace.some((/** @type {string} */ text) => text.includes('/srv/plugin.js:')));
  }
  const rest = await send(new Error('m'), { seen: raise("new RangeError('in a context')") });
  assert.equal(rest.body.context.seen, 'RangeError: in a context');
});

test('an object with the properties of an error', async () => {
  const stack = 'TypeError: no cart\n    at add (https://shop.example/cart.js:10:5)';
  const place = ['https://shop.example/cart.js', 10];
  for (const [thrown, type, message] of /** @type {[object, string, string][]} */ ([
    [{ name: 'TypeError', message: 'no cart', stack }, 'TypeError', 'no cart'],
    [{ message: 'no cart', stack }, 'Error', 'no cart'],
    [{ stack }, 'Error', ''],
    [
      Object.create(null, {
        name: { value: 'TypeError' },
        message: { value: 'no cart' },
        stack: { value: stack },
      }),
      'TypeError',
      'no cart',
    ],
    [Object.freeze({ name: 'TypeError', message: 'no cart', stack, cause: 7 }), 'TypeError', 'no cart'],
  ])) {
    const error = await fields(thrown);
    assert.deepEqual([error.type, error.message], [type, message]);
    assert.deepEqual([error.file_path, error.line_number], place);
    assert.ok(error.stack_trace.includes('    at add (https://shop.example/cart.js:10:5)'));
  }
  const firefox = { name: 'TypeError', message: 'no cart', stack: 'add@https://shop.example/cart.js:10:5\n' };
  assert.deepEqual((await fields(firefox)).stack_trace, [
    'TypeError: no cart',
    'add@https://shop.example/cart.js:10:5',
  ]);
});

test('a message that looks like a frame is not the place', async () => {
  const error = await fields(new Error('bad page:\n\n    at f (http://shop.example/wrong.js:1:1)'));
  assert.ok(ofThisFile(error));
});

test('an error with getters that throw is reported without them', async () => {
  const thrown = new Error('m');
  Object.defineProperty(thrown, 'cause', {
    get() {
      throw new Error('no');
    },
  });
  assert.equal((await fields(thrown)).message, 'm');
});

test('hostile contexts are sent as plain JSON', async () => {
  /** @type {any} */
  const cycle = {};
  cycle.self = cycle;
  const sent = await send(new Error('m'), {
    cycle,
    big: 10n,
    nan: Number.NaN,
    lone: '\ud800',
    date: new Date(0),
    wide: Array.from({ length: 10_000 }, (_, index) => index),
  });
  const context = sent.body.context;
  assert.deepEqual([context.big, context.nan, context.lone], ['10', 'NaN', '\ufffd']);
  assert.equal(context.date, '1970-01-01T00:00:00.000Z');
  assert.ok(context.wide.length <= 200);
});

test('a report that would be too large goes without its context', async () => {
  const sent = await send(new Error('m'), { many: Array.from({ length: 200 }, () => 'x'.repeat(8000)) });
  assert.equal(sent.body.context.many, undefined);
  assert.equal(sent.body.error.message, 'm');
});

test('a getter that throws costs the report, not the program', () => {
  const before = dropped();
  reportError(new Error('m'), {
    get bad() {
      throw new Error('no');
    },
  });
  assert.equal(dropped(), before + 1);
});

test('a refusal is counted', async () => {
  const before = dropped();
  status = 503;
  await send(new Error('m'));
  status = 200;
  assert.equal(dropped(), before + 1);
});

test('a dead server changes nothing', () => {
  const source = `
    import { configure, reportError, flush, dropped } from ${JSON.stringify(new URL('./log_center.js', import.meta.url).href)};
    configure({ url: 'http://127.0.0.1:9' });
    for (let n = 0; n < 500; n += 1) reportError(new Error('m'));
    await flush();
    console.log(dropped());`;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' });
  assert.deepEqual([ended.stdout, ended.stderr, ended.status], ['500\n', '', 0]);
});

test('install reports an uncaught rejection of a Node program and ends it', async () => {
  received.length = 0;
  const source = `
    import { configure, install } from ${JSON.stringify(new URL('./log_center.js', import.meta.url).href)};
    configure({ url: ${JSON.stringify(url)} });
    install();
    Promise.reject(new RangeError('nobody caught this'));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let printed = '';
  child.stderr.on('data', (chunk) => {
    printed += chunk;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 1);
  assert.match(printed, /RangeError: nobody caught this/);
  assert.deepEqual(
    received.map(({ body }) => [body.error.type, body.level]),
    [['RangeError', 'CRITICAL']],
  );
});
