import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { before, test } from 'node:test';
import { project } from '../project.js';
import { type LogRecord, Service } from './service.js';

/** The names that node-bunyan gives to levels; it prints them as wide as the widest. */
const LEVELS = new Map([
  [10, 'TRACE'],
  [20, 'DEBUG'],
  [30, ' INFO'],
  [40, ' WARN'],
  [50, 'ERROR'],
  [60, 'FATAL'],
]);
const WARN = 40;

/** Everything that both services wrote, from their start to their end, and a program that a panic ended. */
let lines: string[];
let records: LogRecord[];

before(async () => {
  const prices = await Service.start('prices', { PRICES_ADDR: '127.0.0.1:0' });
  const gateway = await Service.start('gateway', { GATEWAY_ADDR: '127.0.0.1:0', PRICES_URL: prices.url });
  for (const path of ['/prices/eur', '/prices/xxx', '/prices/%22%20%C3%A4%0a', '/panic']) {
    // The last one has no answer.
    await fetch(gateway.url + path).catch(() => {});
  }
  await gateway.stop();
  await prices.stop();
  lines = [...gateway.lines, ...prices.lines, ...linesOfPanic()];
  records = lines.map((line) => JSON.parse(line));
});

function linesOfPanic(): string[] {
  const program = process.env.LOG_CENTER_EXAMPLE_ENDS ?? project('target/debug/examples/ends');
  const env = { ...process.env, LOG_CENTER_URL: '' };
  const ended = spawnSync(program, ['panic'], { env, encoding: 'utf8' });
  assert.ok(ended.status !== 0, String(ended.error));
  return ended.stdout.split('\n').filter(Boolean);
}

function bunyan(...options: string[]): string[] {
  const program = project('e2e/bunyan/node_modules/.bin/bunyan');
  const input = lines.map((line) => `${line}\n`).join('');
  const ended = spawnSync(program, ['--no-color', ...options], { input, encoding: 'utf8' });
  assert.deepEqual([ended.status, ended.stderr], [0, ''], String(ended.error));
  return ended.stdout.split('\n');
}

/** Every record begins a line of `printed`, in its order, and nothing was passed through as it came. */
function check(printed: string[], expected: LogRecord[], opening: (record: LogRecord) => string): void {
  // What belongs to a record but stands below it is indented; so is what follows in an error's stack.
  const openings = printed.filter((line) => line !== '' && !line.startsWith(' '.repeat(4)));
  assert.equal(openings.length, expected.length, openings.join('\n'));
  for (const [index, record] of expected.entries()) {
    const line = openings[index] ?? '';
    assert.ok(line.startsWith(opening(record)), `${line}\nshould begin with\n${opening(record)}`);
  }
}

function long({ time, level, name, pid, hostname, msg }: LogRecord): string {
  return `[${time}] ${LEVELS.get(level)}: ${name}/${pid} on ${hostname}: ${msg}`;
}

function short({ time, level, name, msg }: LogRecord): string {
  return `${time.slice('2026-01-30T'.length)} ${LEVELS.get(level)} ${name}: ${msg}`;
}

test('there is something of everything', () => {
  const scopes = new Set(records.map(({ scope }) => scope));
  assert.deepEqual([...scopes].sort(), ['biz', 'desc', 'visit']);
  const levels = new Set(records.map(({ level }) => level));
  assert.deepEqual([...levels].sort(), [20, 30, 40, 50, 60]);
  assert.ok(records.some(({ err }) => err?.stack.includes('\n')));
});

test('-o long prints every record', () => {
  const printed = bunyan('-o', 'long');
  check(printed, records, long);
  // The whole of it, with what else stands in the record.
  const error = records.find(({ msg }) => msg === 'rate unreadable');
  const at = printed.findIndex((line) => error && line.startsWith(long(error)));
  assert.match(printed[at] ?? '', new RegExp(`req_id=${error?.req_id}.*event=trace.*extra=currency=xxx`));
  assert.ok(printed.slice(at).includes(`    ${error?.err?.stack.split('\n')[0]}`), 'the stack');
});

test('-o short prints every record', () => {
  check(bunyan('-o', 'short'), records, short);
});

test('--strict leaves none out', () => {
  check(bunyan('--strict'), records, long);
});

test('-l warn leaves warnings and worse', () => {
  const bad = records.filter(({ level }) => level >= WARN);
  assert.ok(bad.length > 0 && bad.length < records.length);
  check(bunyan('-l', 'warn'), bad, long);
});

test('-c finds records by their columns', () => {
  const calls = records.filter(({ event }) => event === 'service-err');
  assert.ok(calls.length > 0);
  check(bunyan('-c', 'this.event === "service-err"'), calls, long);
});

test('-o bunyan gives the records back as they were', () => {
  const given = bunyan('-o', 'bunyan').filter(Boolean);
  assert.deepEqual(
    given.map((line) => JSON.parse(line)),
    records,
  );
});
