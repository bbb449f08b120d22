import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { takeAlong } from './child.js';
import { project } from './project.js';

/** How long a server may take until it says where it listens. */
const READY_DEADLINE_MS = 60_000;
/** How long it may take to flush and stop. */
const STOP_DEADLINE_MS = 30_000;

/** A running `log-center serve` on free ports, with a data directory of its own. */
export class Server {
  private constructor(
    private readonly child: ChildProcess,
    /** Where it keeps everything. */
    readonly dataDir: string,
    private readonly log: () => string,
    /** Base URLs of the three listeners. */
    readonly api: string,
    readonly dashboard: string,
    readonly clickhouse: string,
  ) {}

  /** Starts the program named by LOG_CENTER_BIN, or else the one that cargo built for development, with further `variables`. */
  static async start(variables: Readonly<Record<string, string>> = {}): Promise<Server> {
    const dataDir = await mkdtemp(join(tmpdir(), 'log-center-e2e-'));
    const child = spawn(process.env.LOG_CENTER_BIN ?? project('target/debug/log-center'), ['serve'], {
      cwd: project('.'),
      env: {
        ...process.env,
        LOG_CENTER_API_ADDR: '127.0.0.1:0',
        LOG_CENTER_DASHBOARD_ADDR: '127.0.0.1:0',
        LOG_CENTER_ENGINE_ADDR: '127.0.0.1:0',
        LOG_CENTER_DATA_DIR: dataDir,
        ...variables,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Its engine ends by itself when the server does.
    takeAlong(child, dataDir);
    let log = '';
    child.stderr.on('data', (chunk) => {
      log += chunk;
    });
    child.stdout.on('data', (chunk) => {
      log += chunk;
    });
    try {
      const { api, dashboard, clickhouse } = await announcement(child, () => log);
      return new Server(child, dataDir, () => log, api, dashboard, clickhouse);
    } catch (error) {
      child.kill('SIGKILL');
      await rm(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  /** Stops it as an operator would and checks that it went well: exit code 0, no panic in the log. */
  async stop(): Promise<void> {
    const closed = once(this.child, 'close', { signal: AbortSignal.timeout(STOP_DEADLINE_MS) });
    this.child.kill('SIGTERM');
    try {
      const [code] = await closed;
      if (code !== 0 || this.log().includes('panicked')) {
        throw new Error(`the server ended with ${code} and this log:\n${this.log()}`);
      }
    } finally {
      this.child.kill('SIGKILL');
      await rm(this.dataDir, { recursive: true, force: true });
    }
  }
}

/** Where the server listens: its record `ready` says it. */
interface Announcement {
  api: string;
  dashboard: string;
  clickhouse: string;
}

async function announcement(child: ChildProcess, log: () => string): Promise<Announcement> {
  if (!child.stdout) {
    throw new Error('no pipe to the server');
  }
  const lines = createInterface({ input: child.stdout });
  const spawnFailed = once(child, 'error').then(([error]) => Promise.reject(error));
  const ended = once(child, 'close').then(([code]) => {
    throw new Error(`the server ended with ${code} before it was ready; its log:\n${log()}`);
  });
  const ready = new Promise<Announcement>((resolve, reject) => {
    lines.on('line', (line) => {
      // Of all records only this one says it.
      if (line.includes('"api":')) {
        resolve(JSON.parse(line));
      }
    });
    const overdue = () => reject(new Error(`the server is not ready in time; its log:\n${log()}`));
    AbortSignal.timeout(READY_DEADLINE_MS).addEventListener('abort', overdue, { once: true });
  });
  // Whichever does not come first may fail later, when nobody looks any more.
  for (const promise of [ready, ended, spawnFailed]) {
    promise.catch(() => {});
  }
  return Promise.race([ready, ended, spawnFailed]);
}
