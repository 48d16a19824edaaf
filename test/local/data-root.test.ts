import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { dataRoot, forgetState, prepareState } from '../../local/data-root.ts';
import { temporaryFolder } from '../support/assembly.ts';

const folder = temporaryFolder();
const prepare = (name: string, fresh = false): string => {
  const stateDir = join(folder, name);
  mkdirSync(stateDir, { recursive: true });
  prepareState(stateDir, { fresh });
  return stateDir;
};

test('data stays with its state folder, and goes with it or when it is to be fresh', () => {
  const stateDir = prepare('local');
  const kept = join(dataRoot(stateDir), 'kept');
  const keep = () => writeFileSync(kept, '');
  keep();
  prepare('local');
  expect(existsSync(kept)).toBe(true);
  prepare('local', true);
  expect(existsSync(kept)).toBe(false);
  keep();
  rmSync(stateDir, { recursive: true });
  prepare('local');
  expect(existsSync(kept)).toBe(false);
  forgetState(stateDir);
  expect([existsSync(stateDir), existsSync(dataRoot(stateDir))]).toEqual([false, process.getuid?.() === 0]);
  rmSync(dataRoot(stateDir), { recursive: true, force: true });
});

test('data whose project is gone is removed by the next start of any other', () => {
  const [gone, other] = [prepare('gone'), prepare('other')];
  const data = dataRoot(gone);
  rmSync(gone, { recursive: true });
  prepare('other');
  expect(existsSync(data)).toBe(false);
  expect(existsSync(dataRoot(other))).toBe(true);
  forgetState(other);
});
