/** How many questions the local name server answers with a second of CPU time. */

import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { encode } from 'dns-packet';
import { readAssembly } from '../local/assembly.ts';
import { subnetOf } from '../local/dns/places.ts';
import { edns } from '../local/dns/zone.ts';
import { viewerOf } from '../local/edge/viewer.ts';
import { synthesize } from '../local/synthesize.ts';
import { Traffic } from '../local/traffic.ts';
import type { Benchmark } from './benchmark.ts';
import { Subject } from './subjects/subject.ts';

const project = resolve(import.meta.dirname, '..');
const questions = 20_000;
const countries = ['US', 'DE', 'JP', 'BR', 'ZA', 'AU', 'IN', 'GB'];

/** Questions under way at a time: enough to keep the server busy, too few for a socket's buffer to overflow. */
const window = 32;

export const dns: Benchmark = {
  name: 'dns',
  question:
    'How many questions for the origin, from networks of many countries, does the local name server answer with a second of CPU time?',
  async measure(runs, progress) {
    const { records, origin } = await zone();
    const server = await Subject.start('name-server.ts', [JSON.stringify(records)]);
    const values: number[] = [];
    try {
      await ask(server.port, origin, questions);
      for (let run = 1; run <= runs; run++) {
        const before = await server.cpuMicros();
        await ask(server.port, origin, questions);
        const seconds = ((await server.cpuMicros()) - before) / 1e6;
        values.push((seconds / questions) * 1e6);
        progress(`run ${run} of ${runs}: ${Math.round(questions / seconds)} answers per CPU second`);
      }
    } finally {
      await server.stop();
    }
    return [
      { name: 'CPU of an answer', unit: 'µs', values, limit: 250 },
      { name: 'answers per CPU second', unit: '', values: values.map((micros) => 1e6 / micros) },
      { name: 'records of the zone', unit: '', values: [records.length] },
    ];
  },
};

/** What the templates of the environment `local` declare. */
async function zone() {
  const folder = mkdtempSync(join(project, '.meridian-bench-'));
  try {
    const outdir = join(folder, 'cdk.out');
    await synthesize({ project, environment: 'local', outdir });
    const { records, origin } = new Traffic(readAssembly(outdir));
    if (!origin)
      throw new Error('the environment local has no geolocation records, expected some to ask for');
    return { records, origin };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Asks that many questions; each lost packet is an error, since loopback loses none that a buffer has room for. */
function ask(port: number, name: string, count: number): Promise<void> {
  const packets = countries.map((country, id) => {
    const { address, prefixLength } = subnetOf(viewerOf(country)!)!;
    const option = { code: 8 as const, ip: address, sourcePrefixLength: prefixLength };
    const question = { type: 'A' as const, name, class: 'IN' as const };
    return encode({ type: 'query', id, questions: [question], additionals: [edns([option])] });
  });
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    let sent = 0;
    let answered = 0;
    const end = (error?: Error) => {
      clearTimeout(timer);
      socket.close();
      if (error) reject(error);
      else resolve();
    };
    const timer = setTimeout(
      () => end(new Error(`${sent - answered} of ${sent} questions were not answered`)),
      60_000,
    );
    const send = () => {
      if (sent < count) socket.send(packets[sent++ % packets.length]!, port, '127.0.0.1');
    };
    socket.on('message', (answer) => {
      // Code 0 and one record: anything else is no answer to count.
      if ((answer[3]! & 15) !== 0 || answer.readUInt16BE(6) !== 1)
        end(new Error('an answer without a record'));
      else if (++answered === count) end();
      else send();
    });
    socket.once('error', end);
    for (let i = 0; i < window; i++) send();
  });
}
