/** How runs end: k6's exit codes, and the refusal of whatever the harness or k6 does not know. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { startK6 } from '../../support/k6/spawn.ts';
import { scriptFolder, serve, tryScript } from './scripts.ts';

// Threads start slowly on a busy machine.
jest.setTimeout(60_000);

const folder = scriptFolder();

describe('exit codes', () => {
  test.concurrent('99 when a threshold is broken, with teardown and summary', async () => {
    const ended = await tryScript(
      folder,
      `import { check } from 'k6';
       export const options = { thresholds: { checks: ['rate==1'] } };
       export default () => { check(1, { two: (n) => n === 2 }); };
       export function teardown() { console.log('torn down'); }
       export const handleSummary = (data) => ({ stdout: String(data.metrics.checks.thresholds['rate==1'].ok) });`,
    );
    expect(ended).toMatchObject({ exitCode: 99, reason: 'checks: rate==1', outputs: { stdout: 'false' } });
    expect(ended.log).toContain('info: torn down');
  });

  test.concurrent('99 at once where a threshold aborts', async () => {
    const began = performance.now();
    const ended = await tryScript(
      folder,
      `import { sleep } from 'k6';
       import { Rate } from 'k6/metrics';
       const good = new Rate('good');
       export const options = {
         scenarios: { a: { executor: 'constant-vus', vus: 1, duration: '1m' } },
         thresholds: { good: [{ threshold: 'rate==1', abortOnFail: true, delayAbortEval: '200ms' }] },
       };
       export default () => { good.add(false); sleep(0.05); };`,
    );
    expect(ended.exitCode).toBe(99);
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  test.concurrent('104 for a wrong option', async () => {
    const ended = await tryScript(
      folder,
      `export const options = { thresholds: { nothing: ['count>0'] } };
       export default () => {};`,
    );
    expect(ended.exitCode).toBe(104);
    expect(ended.reason).toContain("no metric 'nothing' found");
  });

  test.concurrent('104 for a scenario without its function', async () => {
    const ended = await tryScript(
      folder,
      `export const options = { scenarios: { a: { executor: 'shared-iterations', exec: 'missing' } } };
       export default () => {};`,
    );
    expect(ended.exitCode).toBe(104);
    expect(ended.reason).toContain("no function 'missing'");
  });

  test.concurrent.each([
    [
      'loading',
      `if (!__ENV.REGIONS) throw new Error('say -e REGIONS'); export default () => {};`,
      'say -e REGIONS',
    ],
    ['setup', `export function setup() { throw new Error('no site'); } export default () => {};`, 'no site'],
    [
      'teardown',
      `export default () => {}; export function teardown() { throw new Error('left over'); }`,
      'left over',
    ],
  ])('107 when %s throws', async (_, text, message) => {
    const ended = await tryScript(folder, text);
    expect(ended.exitCode).toBe(107);
    expect(ended.reason).toContain(message);
  });

  test.concurrent('100 when setup takes too long', async () => {
    const ended = await tryScript(
      folder,
      `import { sleep } from 'k6';
       export const options = { setupTimeout: '100ms' };
       export function setup() { sleep(60); }
       export default () => {};`,
    );
    expect(ended.exitCode).toBe(100);
  });

  test.concurrent('108 when the script aborts, from an iteration or from setup', async () => {
    const abort = `exec.test.abort('nothing to fail over')`;
    const [iteration, setup] = await Promise.all(
      [
        `export default () => { ${abort}; };`,
        `export function setup() { ${abort}; } export default () => {};`,
      ].map((text) => tryScript(folder, `import exec from 'k6/execution'; ${text}`)),
    );
    expect(iteration).toMatchObject({
      exitCode: 108,
      reason: 'aborted by the script: nothing to fail over',
    });
    expect(setup!.exitCode).toBe(108);
  });

  test.concurrent('0 when an iteration throws: k6 logs it and goes on', async () => {
    const ended = await tryScript(folder, `export default () => { throw new Error('bad luck'); };`);
    expect(ended.exitCode).toBe(0);
    expect(ended.log).toContain('Error: bad luck');
    expect(ended.metrics['iterations']).toMatchObject({ count: 1 });
  });
});

describe('what k6 has not', () => {
  test.concurrent("a module of Node's ends with 107", async () => {
    const ended = await tryScript(folder, `import 'node:fs'; export default () => {};`);
    expect(ended.exitCode).toBe(107);
    expect(ended.reason).toContain("cannot import 'node:fs': k6 has neither packages nor Node's modules");
  });

  test.concurrent('packages, remote modules, files without their ending, paths, more than types', async () => {
    writeFileSync(join(folder, 'helper.ts'), 'export const help = 1;');
    writeFileSync(join(folder, 'path.ts'), 'export const here = import.meta.dirname;');
    writeFileSync(join(folder, 'enum.ts'), 'enum A { B }');
    const foreign = [
      'undici',
      'https://jslib.k6.io/x.js',
      './helper',
      './path.ts',
      './enum.ts',
      './helper.ts',
    ];
    const ended = await tryScript(
      folder,
      `for (const name of __VU === 0 ? ${JSON.stringify(foreign)} : []) {
         await import(name).then(() => console.log('has ' + name), (error) => console.log(error.message));
       }
       export default () => {};`,
    );
    expect(ended.log.match(/^info: .*/gm)).toEqual([
      expect.stringContaining("cannot import 'undici'"),
      expect.stringContaining("cannot import 'https://jslib.k6.io/x.js'"),
      expect.stringContaining('whole file name'),
      expect.stringContaining('k6 has no import.meta.dirname'),
      expect.stringContaining('enum'),
      'info: has ./helper.ts',
    ]);
  });

  test.concurrent('is gone in functions too', async () => {
    const names = [
      'fetch',
      'Buffer',
      'process',
      'require',
      'global',
      'structuredClone',
      'TextEncoder',
      'crypto',
    ];
    names.push('performance', 'WebAssembly', 'Intl', 'Atomics', 'SharedArrayBuffer', 'URL', 'setTimeout');
    const found = names.map((name) => `${name}: typeof ${name}`).join(', ');
    const ended = await tryScript(
      folder,
      `export default () => { console.log(JSON.stringify({ ${found} })); };`,
    );
    const types = JSON.parse(/info: (.*)/.exec(ended.log)![1]!);
    expect(types).toEqual(Object.fromEntries(names.map((name) => [name, 'undefined'])));
  });
});

describe('what the harness does not know ends with 70', () => {
  test.concurrent.each([
    ['a module', `import 'k6/ws'; export default () => {};`, 'k6/ws'],
    ['an option', `export const options = { rps: 5 }; export default () => {};`, 'options.rps'],
    [
      'a parameter',
      `import http from 'k6/http'; export default () => { http.get('http://x', { auth: 'basic' }); };`,
      "'auth'",
    ],
    [
      'a form',
      `import http from 'k6/http'; export default () => { http.post('http://x', { a: 'b' }); };`,
      'forms',
    ],
  ])('%s', async (_, text, what) => {
    const ended = await tryScript(folder, text);
    expect(ended.exitCode).toBe(70);
    expect(ended.reason).toContain(what);
  });

  test.concurrent('even where the script swallows the error', async () => {
    const ended = await tryScript(
      folder,
      `import exec from 'k6/execution'; export default () => { try { exec.vu.secrets; } catch {} };`,
    );
    expect(ended.exitCode).toBe(70);
  });
});

describe('interruption', () => {
  test.concurrent('after the graceful stop, of sleep, of a request and of a busy loop', async () => {
    const { url } = await serve(() => {});
    const began = performance.now();
    const scenario = `{ executor: 'constant-vus', vus: 1, duration: '100ms', gracefulStop: '50ms', exec: `;
    const ended = await tryScript(
      folder,
      `import http from 'k6/http'; import { sleep } from 'k6';
       export const options = {
         scenarios: { a: ${scenario} 'sleeps' }, b: ${scenario} 'asks' }, c: ${scenario} 'loops' } },
         thresholds: { iterations: ['count==0'] },
       };
       export const sleeps = () => sleep(60);
       export const asks = () => http.get('${url}/');
       export const loops = () => { for (;;); };`,
    );
    expect(ended.exitCode).toBe(0);
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});

test('the command prints the summary, says why it failed and keeps the result', async () => {
  const script = join(folder, 'command.ts');
  writeFileSync(
    script,
    `export const options = { thresholds: { iterations: ['count>' + __ENV.MOST] } };
     export default (): void => {};`,
  );
  const run = startK6(script, { env: { MOST: '5' }, timeScale: 10 });
  try {
    await run.says('scenario default starts');
    const ended = await run.ended;
    expect(ended.exitCode).toBe(99);
    expect(ended.stdout).toContain('broken count>5');
    expect(ended.stderr).toContain('ends with 99: iterations: count>5');
    expect(ended.result?.verdicts).toMatchObject([{ ok: false, value: 1 }]);
  } finally {
    run.kill();
  }
});
