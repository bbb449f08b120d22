import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The absolute path of something in the project, or beside it. */
export function project(...path: string[]): string {
  return resolve(root, ...path);
}

/** The number of the one line of `source` that contains `marker`, counted from 1. */
export function lineOf(source: string, marker: string): number {
  const numbers = source.split('\n').flatMap((line, index) => (line.includes(marker) ? [index + 1] : []));
  const [number, ...others] = numbers;
  if (number === undefined || others.length > 0) {
    throw new Error(`${JSON.stringify(marker)} is on ${numbers.length} lines, not on one`);
  }
  return number;
}
