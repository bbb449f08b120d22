import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { type Access, Nginx } from './nginx.js';
import { type LogRecord, Service } from './service.js';

/** Where the client calls from, so that its address is not the proxy's. */
const CLIENT = '127.0.0.2';

const [INFO, WARN, ERROR] = [30, 40, 50];

const skip = process.env.LOG_CENTER_WITHOUT_NGINX || false;

let prices: Service;
let gateway: Service;
let nginx: Nginx;

before(async () => {
  if (skip) {
    return;
  }
  prices = await Service.start('prices', { PRICES_ADDR: '127.0.0.1:0' });
  gateway = await Service.start('gateway', {
    GATEWAY_ADDR: '127.0.0.1:0',
    GATEWAY_PROXIES: '1',
    PRICES_URL: prices.url,
  });
  nginx = await Nginx.start(gateway.url);
});
after(async () => {
  await nginx?.stop();
  await gateway?.stop();
  await prices?.stop();
});

/** One request as everybody saw it. */
interface Visit {
  id: string;
  status: number | undefined;
  access: Access;
  gateway: LogRecord[];
  prices: LogRecord[];
}

async function visit(path: string, reachesPrices = true): Promise<Visit> {
  const headers = { 'X-Request-Id': 'of-the-client', 'X-User-Id': '42', 'User-Agent': 'test' };
  const request = get({ host: '127.0.0.1', port: nginx.port, path, headers, localAddress: CLIENT });
  const [answer]: IncomingMessage[] = await once(request, 'response');
  answer?.resume();
  const id = String(answer?.headers['x-request-id']);
  assert.match(id, /^[0-9a-f]{32}$/, "nginx's own id comes back");
  const of = {
    access: await nginx.access(id),
    gateway: await gateway.visit(id),
    prices: reachesPrices ? await prices.visit(id) : [],
  };
  assert.deepEqual([of.access.status, of.access.answered, of.access.ip], [answer?.statusCode, id, CLIENT]);
  return { id, status: answer?.statusCode, ...of };
}

function one(records: LogRecord[], event: string): LogRecord {
  const found = records.filter((record) => record.event === event);
  assert.equal(found.length, 1, `one ${event} among ${JSON.stringify(records)}`);
  return found[0] as LogRecord;
}

/** The pairs of `extra`; these have no spaces in their values. */
function extra(record: LogRecord): Record<string, string> {
  const pairs = (record.extra ?? '').split(' ').map((pair) => pair.split('='));
  return Object.fromEntries(pairs);
}

/** What the end of a request says of it. */
function ending(records: LogRecord[]): unknown[] {
  const end = one(records, 'client-res');
  assert.ok(end.tm !== undefined && end.tm > 0, 'tm');
  const { status, route, outcome } = extra(end);
  return [end.level, status, route, outcome];
}

/** The ids of the hops, which nest. */
function hops({ gateway, prices }: Visit): void {
  const root = one(gateway, 'client-req');
  const start = one(gateway, 'service-start');
  const callee = one(prices, 'client-req');
  assert.equal(root.parent_id, undefined);
  assert.equal(start.parent_id, root.span_id);
  assert.equal(callee.parent_id, start.span_id);
  assert.equal(new Set([root, start, callee].map((hop) => hop.span_id)).size, 3);
  for (const record of gateway) {
    const hop = record.event?.startsWith('service-') ? start : root;
    assert.deepEqual([record.span_id, record.parent_id], [hop.span_id, hop.parent_id], record.msg);
  }
  for (const record of prices) {
    assert.deepEqual([record.span_id, record.parent_id], [callee.span_id, callee.parent_id], record.msg);
  }
}

test('one id from nginx to the last service and back', { skip }, async () => {
  const seen = await visit('/prices/eur?with=query');
  assert.equal(seen.status, 200);
  assert.equal(seen.access.request, 'GET /prices/eur?with=query HTTP/1.1');
  hops(seen);
  assert.deepEqual(ending(seen.gateway), [INFO, '200', '/prices/{currency}', undefined]);
  assert.deepEqual(ending(seen.prices), [INFO, '200', '/rates/{currency}', undefined]);
  for (const record of seen.gateway) {
    assert.deepEqual(record.d, { url: '/prices/eur?with=query', ip: CLIENT, ua: 'test' });
    assert.equal(record.scope, record.msg === 'price quoted' ? 'biz' : 'visit');
    assert.equal(record.uid, record.event === 'client-req' ? undefined : '42');
  }
  const end = one(seen.gateway, 'service-end');
  assert.deepEqual(end.service_req, { host: new URL(prices.url).host, path: '/rates/eur' });
  assert.deepEqual([end.service_res?.http_code, end.service_res?.body], [200, '1']);
  const found = seen.prices.find(({ msg }) => msg === 'rate found');
  assert.deepEqual([found?.event, found?.extra], ['trace', 'currency=eur rate=1.0']);
  const stages = ['client-req', 'trace', 'service-start', 'service-end', undefined, 'client-res'];
  assert.deepEqual(
    seen.gateway.map(({ event }) => event),
    stages,
  );
});

test('what is not there is no failure', { skip }, async () => {
  const seen = await visit('/prices/zzz');
  hops(seen);
  assert.deepEqual(ending(seen.gateway), [INFO, '404', '/prices/{currency}', undefined]);
  assert.equal(one(seen.gateway, 'service-end').service_res?.http_code, 404);
  assert.ok([...seen.gateway, ...seen.prices].every(({ level }) => level <= INFO));
});

test('a call that fails is a warning of the caller and an error of the called', { skip }, async () => {
  const seen = await visit('/prices/xxx');
  hops(seen);
  assert.deepEqual(ending(seen.gateway), [WARN, '502', '/prices/{currency}', undefined]);
  assert.deepEqual(ending(seen.prices), [WARN, '500', '/rates/{currency}', undefined]);
  const failure = one(seen.gateway, 'service-err');
  assert.deepEqual([failure.level, failure.service_res?.http_code], [WARN, 500]);
  assert.deepEqual(
    [failure.err?.type, failure.err?.msg],
    ['HttpStatus', 'answered 500 Internal Server Error'],
  );
  assert.ok(seen.gateway.every(({ level }) => level < ERROR));
  const errors = seen.prices.filter(({ level }) => level === ERROR);
  assert.deepEqual(
    errors.map(({ event, err }) => [event, err?.type, err?.file_path]),
    [['trace', 'ParseFloatError', 'layer/examples/prices.rs']],
  );
});

test('who waits too long gives up, and both say so', { skip }, async () => {
  const seen = await visit('/late');
  hops(seen);
  assert.deepEqual(ending(seen.gateway), [WARN, '504', '/late', undefined]);
  assert.deepEqual(ending(seen.prices), [INFO, undefined, '/slow', 'cancelled']);
  const failure = one(seen.gateway, 'service-err');
  assert.deepEqual(
    [failure.level, failure.err?.type, failure.service_res?.http_code],
    [WARN, 'Timeout', undefined],
  );
});

test('a service that is down is a warning of its caller', { skip }, async () => {
  await prices.stop();
  const seen = await visit('/prices/eur', false);
  assert.deepEqual(ending(seen.gateway), [WARN, '502', '/prices/{currency}', undefined]);
  const failure = one(seen.gateway, 'service-err');
  assert.deepEqual(
    [failure.level, failure.err?.type, failure.service_res?.http_code],
    [WARN, 'Connect', undefined],
  );
  assert.match(failure.err?.stack ?? '', /Caused by: .*refused/);
  assert.equal(failure.parent_id, one(seen.gateway, 'client-req').span_id);
});
