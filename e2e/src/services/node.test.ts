import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { eventually, takeAlong } from '../child.js';
import { lineOf, project } from '../project.js';
import { Server } from '../server.js';
import { type LogRecord, Service } from './service.js';

const SOURCE = 'e2e/bunyan/web.mjs';
const REQUEST = 'of-a-node-client-1';
const ERROR = 50;

/** An item of a list of events. */
interface Item extends LogRecord {
  issue_id?: number;
  attributes?: Record<string, unknown>;
}

interface Issue {
  id: number;
  type: string;
  message: string;
  file_path: string;
  line_number: number;
  count: number;
}

let server: Server;

before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

/** The service with bunyan, its standard output a pipe. */
function startWeb(name: string): ChildProcess {
  const env = { ...process.env, WEB_NAME: name };
  const child = spawn('node', [project(SOURCE)], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  takeAlong(child);
  return child;
}

/** The lines of a stream as they come, and as records. */
class Lines {
  readonly texts: string[] = [];

  constructor(stream: NodeJS.ReadableStream | null) {
    assert.ok(stream);
    createInterface({ input: stream }).on('line', (line) => this.texts.push(line));
  }

  records(): Item[] {
    return this.texts.map((text) => JSON.parse(text));
  }

  async url(): Promise<string> {
    const port = () => this.records().find(({ msg }) => msg === 'listening') as { port?: number } | undefined;
    const listening = await eventually(port, () => 'the service does not listen');
    return `http://127.0.0.1:${listening.port}`;
  }
}

/** Two good requests and two that fail at the same place. */
async function use(url: string): Promise<void> {
  for (const query of ['amount=1', 'amount=x', 'amount=2', 'amount=y']) {
    await fetch(`${url}/cart?${query}`, { headers: { 'X-Request-Id': REQUEST } });
  }
}

async function api<T>(path: string): Promise<T> {
  const answer = await fetch(server.api + path);
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json() as Promise<T>;
}

async function events(query: string): Promise<Item[]> {
  const parameters = new URLSearchParams({ q: query, limit: '200' });
  return (await api<{ items: Item[] }>(`/api/v1/events?${parameters}`)).items;
}

/** Waits until so many records of a service can be found, and gives them in their order. */
function found(service: string, count: number): Promise<Item[]> {
  const look = async () => {
    const items = await events(`service:${service}`);
    return items.length >= count ? items.reverse() : undefined;
  };
  return eventually(look, () => `${service} has no ${count} records`);
}

/** Waits until the one issue of a service has this count. */
function issueWith(service: string, count: number): Promise<Issue> {
  const look = async () => {
    const { items } = await api<{ items: Issue[] }>(`/api/v1/issues?project=${service}`);
    assert.ok(items.length <= 1, JSON.stringify(items));
    return items.find((issue) => issue.count === count);
  };
  return eventually(look, () => `${service} has no issue that was counted ${count} times`);
}

/** As Vector's HTTP sink posts lines: compressed, in batches of a few. */
async function ship(lines: string[]): Promise<void> {
  for (let at = 0; at < lines.length; at += 3) {
    const body = gzipSync(lines.slice(at, at + 3).join('\n'));
    const headers = { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' };
    const answer = await fetch(`${server.api}/api/v1/events`, { method: 'POST', headers, body });
    const { rejected } = (await answer.json()) as { rejected: unknown[] };
    assert.deepEqual([answer.status, rejected], [200, []]);
  }
}

async function ended(child: ChildProcess): Promise<number | null> {
  const [code] = child.exitCode === null ? await once(child, 'close') : [child.exitCode];
  return code;
}

/** Each record as bunyan wrote it, with the keys that are not of the contract beside. */
async function check(service: string, written: Item[]): Promise<void> {
  const items = await found(service, written.length);
  const brief = ({ time, level, name, hostname, pid, msg, req_id }: Item) =>
    JSON.stringify({ time, level, name, hostname, pid, msg, req_id });
  assert.deepEqual(items.map(brief).sort(), written.map(brief).sort());
  for (const item of items) {
    assert.equal(item.attributes?.region, 'eu-1');
  }
  const large = items.filter(({ msg }) => msg === 'cart is large');
  assert.deepEqual(
    large.map(({ attributes }) => [attributes?.component, attributes?.items]),
    Array(2).fill(['cart', ['a', 'b']]),
  );
  const failed = items.filter(({ level }) => level === ERROR);
  const line = lineOf(await readFile(project(SOURCE), 'utf8'), '// The place of the failure.');
  const issue = await issueWith(service, failed.length);
  assert.deepEqual([issue.type, issue.line_number], ['RangeError', line]);
  assert.ok(issue.file_path.endsWith(SOURCE), issue.file_path);
  assert.match(issue.message, /^no amount: [xy]$/);
  assert.ok(failed.every(({ issue_id }) => issue_id === issue.id));
  assert.ok(failed.every(({ err }) => err?.stack.includes('at price (')));
}

test('a service with bunyan is shipped through a pipe', async () => {
  const web = startWeb('web_piped');
  const state = await mkdtemp(join(tmpdir(), 'log-center-e2e-'));
  const importer = spawn(
    process.env.LOG_CENTER_BIN ?? project('target/debug/log-center'),
    ['import', '--tee', '-'],
    { env: { ...process.env, LOG_CENTER_URL: server.api, LOG_CENTER_STATE_DIR: state } },
  );
  takeAlong(importer, state);
  let said = '';
  importer.stderr.on('data', (chunk) => {
    said += chunk;
  });
  assert.ok(web.stdout);
  web.stdout.pipe(importer.stdin);
  const passed = new Lines(importer.stdout);
  await use(await passed.url());
  // While the service runs: nothing waits for its end.
  await found('web_piped', 13);
  web.kill('SIGTERM');
  assert.equal(await ended(importer), 0, said);
  assert.match(said, /14 records imported/);
  const written = passed.records();
  assert.equal(written.length, 14);
  await check('web_piped', written);

  // Sent once more, by another way: what went wrong did so twice, and no more often.
  await ship(passed.texts.filter((text) => JSON.parse(text).level === ERROR));
  const marker = JSON.stringify({ ...written[0], name: 'marker' });
  await ship([marker]);
  await found('marker', 1);
  await issueWith('web_piped', 2);
});

test('a service with bunyan is shipped by batches', async () => {
  const web = startWeb('web_shipped');
  const lines = new Lines(web.stdout);
  await use(await lines.url());
  web.kill('SIGTERM');
  assert.equal(await ended(web), 0);
  await ship(lines.texts);
  assert.equal(lines.texts.length, 14);
  await check('web_shipped', lines.records());
});

test('its records lie beside those of a Rust service', async () => {
  const forwarding = { LOG_CENTER_URL: server.api, LOG_CENTER_MODE: 'all' };
  const prices = await Service.start('prices', { PRICES_ADDR: '127.0.0.1:0', ...forwarding });
  await fetch(`${prices.url}/rates/eur`, { headers: { 'X-Request-Id': REQUEST } });
  await prices.stop();
  await found('prices', 1);
  const services = async () => {
    const items = await events(`req_id:${REQUEST}`);
    const names = [...new Set(items.map(({ name }) => name))].sort();
    return names.length === 3 ? names : undefined;
  };
  const names = await eventually(services, () => 'not all services are found by the request');
  assert.deepEqual(names, ['prices', 'web_piped', 'web_shipped']);
  const request = await api<{ services: string[] }>(`/api/v1/requests/${REQUEST}`);
  assert.deepEqual(request.services, names);
});
