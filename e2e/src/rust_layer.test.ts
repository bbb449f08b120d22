import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { issueCounted, knownAlready, type Place, sql } from './issue.js';
import { lineOf, project } from './project.js';
import { Server } from './server.js';

const SOURCE = 'layer/examples/plain.rs';

let server: Server;

before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

function runExample(): void {
  const program = process.env.LOG_CENTER_EXAMPLE_PLAIN ?? project('target/debug/examples/plain');
  const environment = { ...process.env, LOG_CENTER_URL: server.api };
  const ended = spawnSync(program, { env: environment, encoding: 'utf8' });
  assert.equal(ended.status, 0, ended.stderr || String(ended.error));
  for (const line of ended.stdout.split('\n').filter(Boolean)) {
    assert.equal(JSON.parse(line).name, 'plain', line);
  }
}

test('a Rust program with the layer reports its error', async () => {
  const source = await readFile(project(SOURCE), 'utf8');
  const line = lineOf(source, 'tracing::error!');
  runExample();
  const issues = 'SELECT type, file_path FROM log_center.issues';
  const place: Place = { project: 'plain', type: 'io::Error', file: SOURCE, line };
  const row = await issueCounted(server, place, 1);
  assert.equal((await sql(server, issues)).length, 1);
  runExample();
  await issueCounted(server, place, 2);
  await knownAlready(server, place, row);
  await issueCounted(server, place, 3);
});
