import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, takeAlong } from '../child.js';
import { project } from '../project.js';

/** nginx takes no port 0, and a port that was free a moment ago may be somebody else's by now. */
const TRIES = 5;

/** A line of the access log. */
export interface Access {
  req_id: string;
  ip: string;
  request: string;
  status: number;
  answered: string;
}

/** An nginx in front of a service, with everything that is its own in a directory of its own. */
export class Nginx {
  private constructor(
    private readonly child: ChildProcess,
    private readonly directory: string,
    readonly port: number,
  ) {}

  static async start(gateway: string): Promise<Nginx> {
    let complaint = '';
    for (let tries = 0; tries < TRIES; tries += 1) {
      const directory = await mkdtemp(join(tmpdir(), 'log-center-nginx-'));
      const port = await freePort();
      const template = await readFile(project('e2e/nginx.conf'), 'utf8');
      const configuration = template.replace(/\bPORT\b;/, `${port};`).replace(/\bGATEWAY\b;/, `${gateway};`);
      await writeFile(join(directory, 'nginx.conf'), configuration);
      const program = process.env.LOG_CENTER_NGINX || 'nginx';
      const child = spawn(program, ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr'], {
        env: { ...process.env, LD_LIBRARY_PATH: process.env.LOG_CENTER_NGINX_LIBRARIES ?? '' },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      takeAlong(child, directory);
      child.stderr.on('data', (chunk) => {
        complaint += chunk;
      });
      const ended = once(child, 'close').then(() => false);
      // It says its process id when it listens.
      const listens = eventually(
        () => existsSync(join(directory, 'nginx.pid')) || undefined,
        () => `nginx does not listen: ${complaint}`,
      );
      // The loser of the race may fail, when nobody looks any more.
      listens.catch(() => {});
      if (await Promise.race([listens, ended])) {
        return new Nginx(child, directory, port);
      }
      await rm(directory, { recursive: true, force: true });
    }
    throw new Error(`nginx does not start: ${complaint}`);
  }

  /** What it logged of a request, once it has. */
  async access(id: string): Promise<Access> {
    const log = join(this.directory, 'access.log');
    const find = async () => {
      const lines = (await readFile(log, 'utf8')).split('\n').filter(Boolean);
      return lines.map((line): Access => JSON.parse(line)).find(({ req_id }) => req_id === id);
    };
    return eventually(find, () => `nginx has logged nothing of ${id}`);
  }

  async stop(): Promise<void> {
    const closed = once(this.child, 'close');
    this.child.kill('SIGTERM');
    const [code] = await closed;
    await rm(this.directory, { recursive: true, force: true });
    if (code !== 0) {
      throw new Error(`nginx ended with ${code}`);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') {
    throw new Error('no port to be had');
  }
  return address.port;
}
