import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Server } from '../server.js';
import { Nginx } from './nginx.js';
import { Service } from './service.js';

/** How long it may take until everything about a request is in ClickHouse. */
const DEADLINE_MS = 20_000;
const POLL_INTERVAL_MS = 100;

/** A hop, as the server shows it. */
interface Hop {
  kind: string;
  project: string;
  name: string;
  status: number | null;
  state: string;
  duration_ms: number | null;
  children: Hop[];
}

/** One request, as the server shows it, as far as it is looked at here. */
interface Request {
  complete: boolean;
  truncated: boolean;
  error_count: number;
  services: string[];
  issues: number[];
  hops: Hop[];
}

let server: Server;
let pay: Service;
let shop: Service;
let gateway: Service;
let nginx: Nginx | undefined;

before(async () => {
  server = await Server.start();
  const all = { LOG_CENTER_URL: server.api, LOG_CENTER_MODE: 'all' };
  pay = await Service.start('pay', { ...all, PAY_ADDR: '127.0.0.1:0' });
  shop = await Service.start('shop', { ...all, SHOP_ADDR: '127.0.0.1:0', PAY_URL: pay.url });
  gateway = await Service.start('gateway', { ...all, GATEWAY_ADDR: '127.0.0.1:0', SHOP_URL: shop.url });
  // The trees are the same without it.
  nginx = process.env.LOG_CENTER_WITHOUT_NGINX ? undefined : await Nginx.start(gateway.url);
});
after(async () => {
  await nginx?.stop();
  await gateway?.stop();
  // The shop is dead by now.
  await pay?.stop();
  await server?.stop();
});

/** A hop a line, each below the one that it is inside of and further to the right. */
function lines(hops: Hop[], indent = ''): string[] {
  return hops.flatMap((hop) => {
    // A called host has another port each time.
    const name = hop.name.replace(/127\.0\.0\.1:\d+/, 'HOST');
    const line = `${indent}${hop.kind} ${hop.project} ${name} ${hop.status} ${hop.state}`;
    return [line, ...lines(hop.children, `${indent}  `)];
  });
}

/** Orders for that amount, and waits until the request has this tree. */
async function order(amount: number, status: number, tree: string[]): Promise<Request> {
  const front = nginx ? `http://127.0.0.1:${nginx.port}` : gateway.url;
  const answer = await fetch(`${front}/orders/${amount}`, { method: 'POST' });
  await answer.arrayBuffer();
  assert.equal(answer.status, status);
  const id = answer.headers.get('x-request-id');
  const until = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = await fetch(`${server.api}/api/v1/requests/${id}`);
    const body = await found.text();
    const request: Request | undefined = found.status === 200 ? JSON.parse(body) : undefined;
    const seen = lines(request?.hops ?? []);
    if (request && JSON.stringify(seen) === JSON.stringify(tree)) {
      return request;
    }
    if (Date.now() > until) {
      assert.deepEqual(seen, tree, body);
    }
    await pause(POLL_INTERVAL_MS);
  }
}

test('three services nest', async () => {
  const request = await order(30, 200, [
    'server gateway POST /orders/{amount} 200 ok',
    '  client gateway POST HOST/orders/30 200 ok',
    '    server shop POST /orders/{amount} 200 ok',
    '      client shop POST HOST/charges/30 200 ok',
    '        server pay POST /charges/{amount} 200 ok',
  ]);
  assert.deepEqual([request.complete, request.truncated, request.error_count], [true, false, 0]);
  assert.deepEqual(request.services, ['gateway', 'pay', 'shop']);
});

test('a call that is made again is a hop of its own', async () => {
  const request = await order(500, 200, [
    'server gateway POST /orders/{amount} 200 ok',
    '  client gateway POST HOST/orders/500 200 ok',
    '    server shop POST /orders/{amount} 200 ok',
    '      client shop POST HOST/charges/500 503 error',
    '        server pay POST /charges/{amount} 503 error',
    '      client shop POST HOST/charges/500 200 ok',
    '        server pay POST /charges/{amount} 200 ok',
  ]);
  assert.equal(request.complete, true);
});

test('a failure is seen in every hop that it passes, and is an issue', async () => {
  const request = await order(70, 502, [
    'server gateway POST /orders/{amount} 502 error',
    '  client gateway POST HOST/orders/70 502 error',
    '    server shop POST /orders/{amount} 502 error',
    '      client shop POST HOST/charges/70 500 error',
    '        server pay POST /charges/{amount} 500 error',
  ]);
  assert.deepEqual([request.complete, request.error_count, request.issues.length], [true, 1, 1]);
});

test('who is too slow does not come to an end, and who waited has a failed call', async () => {
  const request = await order(99, 504, [
    'server gateway POST /orders/{amount} 504 error',
    '  client gateway POST HOST/orders/99 504 error',
    '    server shop POST /orders/{amount} 504 error',
    '      client shop POST HOST/charges/99 null error',
    '        server pay POST /charges/{amount} null unfinished',
  ]);
  assert.equal(request.complete, false);
});

test('a service that dies in the middle leaves a gap', async () => {
  const request = await order(666, 502, [
    'server gateway POST /orders/{amount} 502 error',
    '  client gateway POST HOST/orders/666 null error',
    '    server shop POST /orders/{amount} null unfinished',
    '      client shop POST HOST/charges/666 null unfinished',
    '        server pay POST /charges/{amount} null unfinished',
  ]);
  assert.deepEqual([request.complete, request.truncated], [false, false]);
  const shopHop = request.hops[0]?.children[0]?.children[0];
  assert.equal(shopHop?.duration_ms, null);
});
