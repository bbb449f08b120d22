import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { issueCounted, knownAlready, type Place } from './issue.js';
import { lineOf, project } from './project.js';
import { python, runPython } from './python.js';
import { Server } from './server.js';

const PROGRAM = `import log_center

log_center.configure(project_id="shop_backend")

def total(prices):
    return sum(int(price) for price in prices)

try:
    total(["1", "two"])
except ValueError as exc:
    log_center.report_error(exc, {"user_id": "u_1", "request_id": "req_abc123"})
`;

let server: Server;

before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

test('the Python client reports', { skip: python.missing }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'log-center-python-'));
  try {
    const file = join(directory, 'cart.py');
    await writeFile(file, PROGRAM);
    const environment = { LOG_CENTER_URL: server.api, PYTHONPATH: project('clients/python') };
    const line = lineOf(PROGRAM, 'return sum');
    const place: Place = { project: 'shop_backend', type: 'ValueError', file, line };
    await runPython(file, environment);
    await issueCounted(server, place, 1);
    await runPython(file, environment);
    const row = await issueCounted(server, place, 2);
    await knownAlready(server, place, row);
    await issueCounted(server, place, 3);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
