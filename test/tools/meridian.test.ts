import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const project = join(import.meta.dirname, '../..');
let stateRoot: string;

beforeAll(() => {
  mkdirSync(join(project, '.meridian'), { recursive: true });
  stateRoot = mkdtempSync(join(project, '.meridian/test-cli-'));
});
afterAll(() => rmSync(stateRoot, { recursive: true, force: true }));

/** Runs the command as npx does: by its file, which says itself that Node runs it. */
async function meridian(...args: string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(join(project, 'bin/meridian.ts'), args, {
    cwd: project,
    env: {
      ...process.env,
      PATH: `${join(project, 'node_modules/.bin')}:${process.env['PATH']}`,
      NODE_OPTIONS: '',
    },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

test('the command may be executed', () => {
  expect(statSync(join(project, 'bin/meridian.ts')).mode & 0o111).not.toBe(0);
});

test('--help lists every verb, and each verb has its own', async () => {
  const { code, said } = await meridian('--help');
  expect(code).toBe(0);
  for (const verb of ['start', 'status', 'logs', 'down', 'up', 'stop', 'routes', 'jobs'])
    expect(said).toMatch(new RegExp(`^  ${verb} `, 'm'));
  expect((await meridian('start', '--help')).said).toMatch(/--time-scale <n>/);
});

describe('a mistake is one sentence and exit code 1', () => {
  test.each([
    [['strat'], /Did you mean start\?/],
    [['start', '--port', 'http'], /expected a port from 1 to 65535/],
    [['start', '--time-scale', '-1'], /expected a number above 0/],
    [['status'], /nothing runs here/],
    [['jobs', 'status', 'local'], /nothing runs here/],
    [['jobs', 'status', 'local', '--aws'], /environment 'local' is never on AWS/],
    [
      ['jobs', 'peek', 'production', '--region', 'eu-wst-1'],
      /got --region eu-wst-1.*did you mean 'eu-west-1'/,
    ],
    [['logs'], /environment 'local' has no logs/],
  ])('%j', async (args, message) => {
    const plain = args[0] === 'strat' || args[0] === 'start';
    const where = plain ? [] : ['--state-dir', stateRoot];
    const { code, said } = await meridian(...args, ...where);
    expect(said).toMatch(message);
    expect(said).not.toMatch(/\n\s+at /);
    expect(code).toBe(1);
  });

  test('an environment that does not exist', async () => {
    const { code, said } = await meridian('start', 'prod', '--state-dir', stateRoot, '--port', '0');
    expect(said).toMatch(/unknown environment 'prod', expected one of: local, dev, demo, production/);
    expect(said).not.toMatch(/\n\s+at /);
    expect(code).toBe(1);
  });

  test('an environment with an engine that only AWS has', async () => {
    const { code, said } = await meridian('start', 'production', '--state-dir', stateRoot, '--port', '0');
    expect(said).toMatch(/'production' classifies with Rekognition.*run 'local'/);
    expect(code).toBe(1);
  });
});

describe('logs', () => {
  beforeAll(() => {
    const folder = join(stateRoot, 'local/logs/eu-west-1');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'Service1A.0.log'), 'one\ntwo\n');
    writeFileSync(join(folder, 'Worker2B.log'), 'other\n');
  });
  const logs = (...args: string[]) => ['logs', ...args, '--state-dir', stateRoot];

  test('print the last lines of what is asked for', async () => {
    expect((await meridian(...logs('eu-west-1', 'service', '--no-follow', '--lines', '1'))).said).toBe(
      'eu-west-1/Service1A.0 │ two\n',
    );
    const { said } = await meridian(...logs('--no-follow'));
    expect(said.trim().split('\n')).toEqual([
      'eu-west-1/Service1A.0 │ one',
      'eu-west-1/Service1A.0 │ two',
      'eu-west-1/Worker2B │ other',
    ]);
  });

  test('say which regions and resources there are', async () => {
    expect((await meridian(...logs('mars', '--no-follow'))).said).toMatch(
      /got region 'mars', expected one of: eu-west-1/,
    );
    expect((await meridian(...logs('eu-west-1', 'wroker', '--no-follow'))).said).toMatch(
      /got resource 'wroker', expected one of: Service1A, Worker2B; did you mean 'Worker2B'\?/,
    );
  });

  test('follow what is written later', async () => {
    const child = spawn(process.execPath, [join(project, 'bin/meridian.ts'), ...logs('eu-west-1', 'worker')]);
    try {
      let said = '';
      const seen = (text: string) =>
        new Promise<void>((resolve) => {
          const look = (chunk: Buffer | string) => {
            said += chunk;
            if (said.includes(text)) resolve();
          };
          child.stdout.on('data', look);
          look('');
        });
      await seen('other');
      appendFileSync(join(stateRoot, 'local/logs/eu-west-1/Worker2B.log'), 'later\n');
      await seen('later');
    } finally {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  });
});
