import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_INTERVAL_MS = 20;

/** Sees to it that a test that is stopped, by ^C or by its runner, leaves neither the child nor its files behind. */
export function takeAlong(child: ChildProcess, directory?: string): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(1));
  }
  process.once('exit', () => {
    // One that ended is none to be killed.
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
    }
    if (directory !== undefined) {
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    }
  });
}

/** Asks `find` until it answers; fails with `complaint` if that takes longer than `deadlineMs`. */
export async function eventually<T>(
  find: () => T | undefined | Promise<T | undefined>,
  complaint: () => string,
  deadlineMs = 20_000,
): Promise<T> {
  const until = Date.now() + deadlineMs;
  for (;;) {
    const found = await find();
    if (found !== undefined) {
      return found;
    }
    if (Date.now() > until) {
      throw new Error(complaint());
    }
    await pause(POLL_INTERVAL_MS);
  }
}
