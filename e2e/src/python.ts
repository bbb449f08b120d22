import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

const program = process.env.LOG_CENTER_PYTHON ?? 'python3';

function succeeds(code: string): boolean {
  return program !== '' && spawnSync(program, ['-c', code]).status === 0;
}

const missing = succeeds('pass') ? false : 'there is no python3';

/** Reasons to skip, or `false`. */
export const python = {
  missing,
  withoutRequests:
    missing ||
    process.env.LOG_CENTER_WITHOUT_REQUESTS ||
    (succeeds('import requests') ? false : 'python3 has no package `requests`'),
};

/** Runs a Python program to its end and checks that it ended well and silently. */
export async function runPython(file: string, environment: Record<string, string>): Promise<void> {
  const child = spawn(program, ['-B', file], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let printed = '';
  child.stderr.on('data', (chunk) => {
    printed += chunk;
  });
  const [code] = await once(child, 'close');
  assert.deepEqual([code, printed], [0, '']);
}
