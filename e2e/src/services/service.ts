import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { eventually, takeAlong } from '../child.js';
import { project } from '../project.js';

/** How long it may take until the service listens, and until it has stopped. */
const DEADLINE_MS = 30_000;

/** What went wrong, in a record. */
export interface Err {
  msg: string;
  stack: string;
  type: string;
  file_path: string;
  line_number: number;
}

/** A line of a service, as far as it is looked at here. */
export interface LogRecord {
  level: number;
  name: string;
  hostname: string;
  pid: number;
  time: string;
  msg: string;
  scope: string;
  event?: string;
  req_id?: string;
  span_id?: string;
  parent_id?: string;
  uid?: string;
  d?: { url?: string; ip?: string; ua?: string };
  tm?: number;
  extra?: string;
  err?: Err;
  service_req?: { host: string; path: string };
  service_res?: { http_code?: number; tm: number; body?: string; err?: string };
}

/** A running example of the layer. Each line of its standard output has to be a record. */
export class Service {
  private readonly closed: Promise<unknown[]>;
  private errors = '';
  readonly lines: string[] = [];

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {
    takeAlong(child);
    this.closed = once(child, 'close');
    if (child.stdout) {
      createInterface({ input: child.stdout }).on('line', (line) => this.lines.push(line));
    }
    child.stderr?.on('data', (chunk) => {
      this.errors += chunk;
    });
  }

  /** Starts the example that cargo built, on a free port, and waits until it listens. */
  static async start(name: string, settings: Record<string, string>): Promise<Service> {
    const built = process.env[`LOG_CENTER_EXAMPLE_${name.toUpperCase()}`];
    const child = spawn(built ?? project('target/debug/examples', name), {
      env: { ...process.env, RUST_LOG: `info,${name}=debug`, LOG_CENTER_URL: '', ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const service = new Service(name, child);
    await eventually(
      () => service.address() ?? service.dead(),
      () => `${name} does not listen:\n${service.errors}`,
      DEADLINE_MS,
    );
    return service;
  }

  /** Its base URL. */
  get url(): string {
    return `http://${this.address()}`;
  }

  /** The records so far. */
  records(): LogRecord[] {
    return this.lines.map((line) => JSON.parse(line));
  }

  /** The records of a request, once it has ended here. */
  async visit(id: string): Promise<LogRecord[]> {
    const own = () => this.records().filter((record) => record.req_id === id);
    return eventually(
      () => (own().some((record) => record.event === 'client-res') ? own() : undefined),
      () => `${this.name} has no client-res of ${id} but these lines:\n${this.lines.join('\n')}`,
    );
  }

  /** Stops it as an operator would and checks that it ended well. */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    const overdue = setTimeout(() => this.child.kill('SIGKILL'), DEADLINE_MS);
    const [code] = await this.closed;
    clearTimeout(overdue);
    if (code !== 0) {
      throw new Error(`${this.name} ended with ${code}:\n${this.errors}`);
    }
  }

  private address(): string | undefined {
    const record = this.records().find(({ msg }) => msg === 'listening');
    return record?.extra?.match(/address=(\S+)/)?.[1];
  }

  private dead(): undefined {
    if (this.child.exitCode !== null || this.child.signalCode !== null) {
      throw new Error(`${this.name} ended before it listened:\n${this.errors}`);
    }
  }
}
