import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
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
