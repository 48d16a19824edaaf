/** The command line: `node test/support/k6/main.ts [flags] script.ts`. */

import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { exitCodes, RunError } from './exit-codes.ts';
import { runScript } from './run.ts';

const usage = `usage: main.ts [-e NAME=VALUE]… [flags] SCRIPT
  --time-scale N    times of the script pass N times faster; request timeouts do not
  --rate-scale N    arrival rates, VUs and shared iterations are N times smaller
  --dns HOST:PORT   server that names are asked of
  --addresses FILE  JSON: virtual address → { host, port }
  --result FILE     where the result goes as JSON`;

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      env: { type: 'string', short: 'e', multiple: true, default: [] },
      'time-scale': { type: 'string', default: '1' },
      'rate-scale': { type: 'string', default: '1' },
      dns: { type: 'string' },
      addresses: { type: 'string' },
      result: { type: 'string' },
    },
  });
  if (positionals.length !== 1) throw new Error('got no script, or several');
  const result = await runScript({
    script: resolve(positionals[0]!),
    env: Object.fromEntries(values.env.map(readPair)),
    scale: { time: readScale(values['time-scale']), rate: readScale(values['rate-scale']) },
    dns: values.dns,
    addresses: values.addresses ? JSON.parse(readFileSync(values.addresses, 'utf8')) : {},
    log: (line) => process.stderr.write(`${line}\n`),
  });
  for (const [name, text] of Object.entries(result.outputs)) {
    if (name === 'stdout' || name === 'stderr') process[name].write(text);
    else writeFileSync(name, text);
  }
  if (values.result) writeFileSync(values.result, JSON.stringify({ ...result, outputs: undefined }));
  if (result.reason) process.stderr.write(`ends with ${result.exitCode}: ${result.reason}\n`);
  process.exitCode = result.exitCode;
} catch (error) {
  process.stderr.write(`${error instanceof RunError ? error.message : String(error)}\n${usage}\n`);
  process.exitCode = exitCodes.configuration;
}

function readPair(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new Error(`got -e ${text}, expected NAME=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function readScale(text: string): number {
  const scale = Number(text);
  if (!(scale > 0 && Number.isFinite(scale)))
    throw new Error(`got scale '${text}', expected a number above 0`);
  return scale;
}
