import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { environments } from '../../config/environments.ts';
import { Traffic } from '../../local/traffic.ts';
import { routesOf, table } from '../../tools/routes.ts';
import { synthesize } from '../support/synth.ts';

const project = join(import.meta.dirname, '../..');

async function meridian(...args: string[]) {
  const child = spawn(process.execPath, [join(project, 'bin/meridian.ts'), 'routes', ...args], {
    cwd: project,
    env: {
      ...process.env,
      PATH: `${join(project, 'node_modules/.bin')}:${process.env['PATH']}`,
      NODE_OPTIONS: '',
    },
  });
  let out = '';
  let error = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (error += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, error };
}

describe('the command', () => {
  test('reads the templates that it synthesizes', async () => {
    const { code, out } = await meridian('production', '--down', 'eu-west-1', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      environment: 'production',
      origin: 'origin.example.com',
      down: ['eu-west-1'],
      routes: expect.arrayContaining([
        {
          kind: 'continent',
          code: 'EU',
          answers: 'us-east-1',
          order: ['eu-west-1', 'us-east-1', 'ap-southeast-1'],
        },
      ]),
    });
  }, 60_000);

  test.each([
    [
      ['dev', '--down', 'us-east-2'],
      "got --down us-east-2, expected regions of 'dev': us-east-1; did you mean 'us-east-1'?\n",
    ],
    [['prod'], "unknown environment 'prod', expected one of: local, dev, demo, production\n"],
  ])(
    '%j is one sentence and exit code 1',
    async (args, sentence) => {
      expect(await meridian(...args)).toEqual({ code: 1, out: '', error: sentence });
    },
    60_000,
  );
});

describe('the table', () => {
  let traffic: Traffic;
  beforeAll(() => {
    const routing = { countries: { TR: 'ap-southeast-1' }, states: { CA: 'eu-west-1' } };
    traffic = new Traffic(synthesize({ ...environments['local']!, routing }).assembly);
  }, 30_000);
  const lines = (...down: string[]) =>
    stripVTControlCharacters(table(routesOf('test', traffic, down))).split('\n');

  test('has every geography, larger kinds first, with who answers and who takes over', () => {
    expect(lines()).toEqual([
      'test, origin.meridian.example, all regions healthy',
      '',
      '  geography     answers         in this order',
      '  continent AF  eu-west-1       eu-west-1 → us-east-1 → ap-southeast-1',
      '  continent AN  ap-southeast-1  ap-southeast-1 → eu-west-1 → us-east-1',
      '  continent AS  ap-southeast-1  ap-southeast-1 → eu-west-1 → us-east-1',
      '  continent EU  eu-west-1       eu-west-1 → us-east-1 → ap-southeast-1',
      '  continent NA  us-east-1       us-east-1 → eu-west-1 → ap-southeast-1',
      '  continent OC  ap-southeast-1  ap-southeast-1 → eu-west-1 → us-east-1',
      '  continent SA  us-east-1       us-east-1 → eu-west-1 → ap-southeast-1',
      '  country TR    ap-southeast-1  ap-southeast-1 → eu-west-1 → us-east-1',
      '  state CA      eu-west-1       eu-west-1 → us-east-1 → ap-southeast-1',
      '  default       us-east-1       us-east-1 → eu-west-1 → ap-southeast-1',
    ]);
  });

  test('shows who answers while regions are down, in the same order', () => {
    const shown = lines('us-east-1', 'eu-west-1');
    expect(shown[0]).toBe('test, origin.meridian.example, down: us-east-1, eu-west-1');
    expect(shown).toContain(
      '  state CA      ap-southeast-1  eu-west-1 (down) → us-east-1 (down) → ap-southeast-1',
    );
  });

  test('says that each geography gets its home when every region is down', () => {
    const shown = lines('us-east-1', 'eu-west-1', 'ap-southeast-1');
    expect(shown[0]).toMatch(/every region down: each geography gets its home$/);
    expect(shown.at(-1)).toMatch(/^ {2}default +us-east-1 /);
  });

  test('is one sentence for an environment without routing records', () => {
    const dev = routesOf('dev', new Traffic(synthesize('dev').assembly), []);
    expect(table(dev)).toBe('dev has no routing records: us-east-1 answers everyone');
  }, 30_000);
});
