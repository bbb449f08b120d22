import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchBrowser, Site } from './browser.js';
import { attack, Rebound, type Sight, type Target } from './foreign_page.js';
import { issueCounted, type Place, sql } from './issue.js';
import { Server } from './server.js';

/** What no page may ever see. */
const CANARY = 'canary7f3a91';
const PAGE = '<!doctype html><title>page</title><body>';
const PLACE: Place = { project: `shop_${CANARY}`, type: CANARY, file: `${CANARY}.py`, line: 1 };

let server: Server;
let browser: Browser;
let site: Site;
let issueId: number;
let password: string;

before(async () => {
  server = await Server.start({ LOG_CENTER_HOSTS: 'logs.test' });
  // Nobody has to own a name for that.
  browser = await launchBrowser(['--host-resolver-rules=MAP *.test 127.0.0.1']);
  site = await Site.start(new Map([['/page', { type: 'text/html', text: PAGE }]]));
  password = (await readFile(join(server.dataDir, 'clickhouse.password'), 'utf8')).trim();
  const answer = await fetch(`${server.api}/api/v1/logs/report`, { method: 'POST', body: reportOf(PLACE) });
  assert.equal(answer.status, 200, await answer.text());
  issueId = Number((await issueCounted(server, PLACE, 1)).id);
});
after(async () => {
  await browser?.close();
  await site?.stop();
  await server?.stop();
});

function reportOf({ project, type, file, line }: Place): string {
  return JSON.stringify({
    project_id: project,
    environment: 'production',
    level: 'ERROR',
    error: { type, message: type, file_path: file, line_number: line, stack_trace: [type] },
  });
}

/** The listeners as a page finds them that knows everything, even the password. */
function targets(address: (listener: string) => string): Target[] {
  const steal = 'SELECT%20*%20FROM%20log_center.issues%20FORMAT%20JSONEachRow';
  const key = `user=default&password=${password}`;
  return [
    {
      base: address(server.api),
      reads: [
        '/api/v1/issues',
        `/api/v1/issues/${issueId}`,
        '/api/v1/events',
        '/api/v1/events/tail',
        '/docs/',
        '/health',
        '/metrics',
      ],
      writes: [
        { methods: ['PATCH'], path: `/api/v1/issues/${issueId}`, body: '{"status":"RESOLVED"}' },
        { methods: [], path: '/api/v1/sql', body: '{"query":"SELECT * FROM log_center.issues"}' },
      ],
    },
    { base: address(server.dashboard), reads: ['/', `/issues/${issueId}`], writes: [] },
    {
      base: address(server.clickhouse),
      reads: [
        `/?query=${steal}`,
        `/?${key}&query=${steal}`,
        `/?${key}&query=DROP%20VIEW%20log_center.issues`,
      ],
      writes: [
        { methods: [], path: `/?${key}`, body: 'CREATE TABLE log_center.stolen (a UInt8) ENGINE = Memory' },
        { methods: [], path: `/?${key}&query=DROP%20VIEW%20log_center.issues`, body: '' },
      ],
    },
  ];
}

/** Everything that a page could have changed. */
async function state(): Promise<string> {
  const parts = [
    "SELECT name, create_table_query FROM system.tables WHERE database = 'log_center' ORDER BY name",
    'SELECT name FROM system.databases ORDER BY name',
    'SELECT id, status, count FROM log_center.issues ORDER BY id',
    'SELECT count() AS events FROM log_center.events',
  ];
  return JSON.stringify(await Promise.all(parts.map((statement) => sql(server, statement))));
}

/**
 * How often the API answered each route with each status, but for a browser's questions whether it may send. Whoever clicks may
 * well open `/docs` from elsewhere, which asks for its document: both are left out.
 */
async function answered(): Promise<Map<string, number>> {
  const text = await (await fetch(`${server.api}/metrics`)).text();
  const lines = text.matchAll(
    /^log_center_http_requests_total\{route="(?!\/metrics|\/docs|\/api\/openapi)(.*?)",method="(?!OPTIONS).*status="(\d+)"\} (\d+)$/gm,
  );
  const counts = new Map<string, number>();
  for (const [, route, status, count] of lines) {
    const answer = `${status} ${route}`;
    counts.set(answer, (counts.get(answer) ?? 0) + Number(count));
  }
  return counts;
}

function check(sights: Sight[], refusals: number[]): void {
  for (const sight of sights) {
    assert.ok(!JSON.stringify(sight).includes(CANARY), `a page saw ${JSON.stringify(sight)}`);
    if (refusals.includes(421) && /unknown_host|does not know the host/.test(sight.seen ?? '')) {
      continue;
    }
    // An answer that the page may look into is a refusal; whatever has no status is something that was loaded.
    assert.ok(refusals.includes(sight.status ?? 200), `a page saw ${JSON.stringify(sight)}`);
  }
}

/** Lets the page at `address` try everything, and looks whether anything came of it. */
async function attackFrom(address: string, aims: Target[], refusals: number[]): Promise<Map<string, number>> {
  const [stateBefore, answeredBefore] = [await state(), await answered()];
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(address);
    assert.equal(await page.title(), 'page');
    check(await page.evaluate(attack, aims), refusals);
    await page.close();
  } finally {
    await context.close();
  }
  assert.equal(await state(), stateBefore);
  const since = [...(await answered())].map(
    ([answer, count]) => [answer, count - (answeredBefore.get(answer) ?? 0)] as const,
  );
  return new Map(since.filter(([, count]) => count > 0));
}

function sum(answers: ReadonlyMap<string, number>, status: RegExp): number {
  return [...answers].reduce((total, [answer, count]) => total + (status.test(answer) ? count : 0), 0);
}

/** That nothing ran, and that there was a server to refuse it: a page that met none would prove nothing. */
function allRefused(answers: ReadonlyMap<string, number>): void {
  const shown = JSON.stringify([...answers]);
  assert.ok(sum(answers, /^4(03|21) /) > 100, shown);
  assert.equal(sum(answers, /^(?!4(03|21) )/), 0, shown);
}

test('a page on another port of this machine reads and changes nothing', async () => {
  const port = new URL(site.origin).port;
  const named = (listener: string) => `http://localhost:${new URL(listener).port}`;
  allRefused(await attackFrom(`http://localhost:${port}/page`, targets(named), []));
});

test('a page of another site reads and changes nothing', async () => {
  const port = new URL(site.origin).port;
  allRefused(
    await attackFrom(
      `http://evil.test:${port}/page`,
      targets((listener) => listener),
      [],
    ),
  );
});

test('a page reads and changes nothing where a browser does not say whose it is', async () => {
  // Not `localhost` and no TLS: requests of images and scripts come without any sign of the page.
  const port = new URL(site.origin).port;
  const named = (listener: string) => `http://logs.test:${new URL(listener).port}`;
  const answers = await attackFrom(`http://evil.test:${port}/page`, targets(named), []);
  const shown = JSON.stringify([...answers]);
  assert.ok(sum(answers, /^200 /) > 0 && sum(answers, /^403 /) > 0, shown);
});

test('a page at a name that leads to this machine reads and changes nothing', async () => {
  for (const listener of [server.api, server.dashboard, server.clickhouse]) {
    const rebound = await Rebound.start(listener, PAGE);
    try {
      const origin = `http://evil.test:${rebound.port}`;
      const [aim] = targets((each) => (each === listener ? origin : '')).filter(
        ({ base }) => base === origin,
      );
      assert.ok(aim);
      const answers = await attackFrom(`${origin}/page`, [aim], [421]);
      if (listener === server.api) {
        allRefused(answers);
      }
    } finally {
      rebound.stop();
    }
  }
});

test('any page sends reports and sees the answer', async () => {
  const port = new URL(site.origin).port;
  const apiPort = new URL(server.api).port;
  let line = 10;
  for (const page of [`http://localhost:${port}`, `http://evil.test:${port}`]) {
    for (const api of [server.api, `http://localhost:${apiPort}`, `http://evil.test:${apiPort}`]) {
      const place = { ...PLACE, line: ++line };
      const context = await browser.newContext();
      const opened = await context.newPage();
      await opened.goto(`${page}/page`);
      const answers = await opened.evaluate(
        async ([url, body]) => {
          const seen: unknown[] = [];
          for (const type of ['application/json', 'text/plain']) {
            const answer = await fetch(url, { method: 'POST', headers: { 'Content-Type': type }, body });
            seen.push((await answer.json()).status);
          }
          return [...seen, navigator.sendBeacon(url, body)];
        },
        [`${api}/api/v1/logs/report`, reportOf(place)] as const,
      );
      assert.deepEqual(answers, ['ok', 'duplicate', true]);
      await issueCounted(server, place, 3);
      await context.close();
    }
  }
});
