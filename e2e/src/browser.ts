import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { project } from './project.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

const FLAGS = [
  '--no-sandbox', // root, as in a container, has no other choice
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A headless Chromium: LOG_CENTER_CHROMIUM, which `cargo xtask test` sets, or the first on the PATH; with further `flags`. */
export async function launchBrowser(flags: readonly string[] = []): Promise<Browser> {
  const onPath = (process.env.PATH ?? '').split(delimiter);
  const candidates = NAMES.flatMap((name) => onPath.map((directory) => join(directory, name)));
  const executablePath = process.env.LOG_CENTER_CHROMIUM || candidates.find((path) => existsSync(path));
  if (!executablePath) {
    throw new Error(
      'no Chromium found: run `cargo xtask test --only e2e`, which gets one or says what to install',
    );
  }
  return chromium.launch({ executablePath, args: [...FLAGS, ...flags], headless: true });
}

/** Keeps a picture of the page in target/screenshots. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const directory = project('target/screenshots');
  await mkdir(directory, { recursive: true });
  await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true });
}

/** A file that a site serves. */
export interface SiteFile {
  type: 'text/html' | 'text/javascript';
  text: string;
}

/** A web site of its own origin on a free port. */
export class Site {
  private constructor(
    private readonly server: HttpServer,
    /** As in `http://127.0.0.1:40123`. */
    readonly origin: string,
  ) {}

  /** Serves `files` by their path. */
  static async start(files: ReadonlyMap<string, SiteFile>): Promise<Site> {
    const server = createServer((request, answer) => {
      const file = files.get(request.url ?? '');
      answer.writeHead(file ? 200 : 404, { 'Content-Type': `${file?.type ?? 'text/plain'};charset=utf-8` });
      answer.end(file?.text);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Site(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  /** Stops serving. */
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
