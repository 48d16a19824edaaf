/** How long viewers wait when their region is killed or drained, by the template's own times. */

import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { environments } from '../config/environments.ts';
import { failoverChain } from '../config/geography.ts';
import { drainKey } from '../contract/http.ts';
import { localCredentials } from '../contract/local.ts';
import type { Benchmark } from './benchmark.ts';
import { LocalRun, viewers } from './local-run.ts';

const lost = 'eu-west-1';
const [, next] = failoverChain(environments['local']!, lost) as [string, string];

/** Between two requests of one viewer. */
const pauseMs = 250;

/** Seconds that an alias keeps its answer: how long ago it was given decides how long viewers wait. */
const ttlSeconds = 60;

/** A moment within the life of an answer, another one in each round, spread as evenly as any number of rounds can be. */
const phase = (round: number): Promise<void> => sleep(((round * 0.618) % 1) * ttlSeconds * 1000);

/** What one viewer per region met while something happened. */
interface Witnessed {
  readonly seconds: number;
  /** Requests of the region's own viewers that failed, and of the others. */
  readonly ownFailures: number;
  readonly otherFailures: number;
}

export const failover: Benchmark = {
  name: 'failover',
  question: 'How long until the viewers of a killed or drained region are served by the next, unscaled?',
  async measure(runs, progress) {
    const kills: Witnessed[] = [];
    const drains: Witnessed[] = [];
    const returns: number[] = [];
    const run = await LocalRun.begin();
    try {
      await Promise.all(Object.keys(viewers).map((region) => run.servedBy(region, region)));
      for (let round = 1; round <= runs; round++) {
        await phase(round);
        const kill = await watch(run, next, () => run.control.stopRegion(lost));
        const back = await watch(run, lost, () => run.control.startRegion(lost));
        await phase(round);
        const drain = await watch(run, next, () => setDrain(run, true));
        await watch(run, lost, () => setDrain(run, false));
        kills.push(kill);
        drains.push(drain);
        returns.push(back.seconds);
        progress(
          `run ${round} of ${runs}: kill ${kill.seconds.toFixed(0)} s, drain ${drain.seconds.toFixed(0)} s`,
        );
      }
    } finally {
      await run.end();
    }
    const of = (all: readonly Witnessed[], key: keyof Witnessed) => all.map((one) => one[key]);
    return [
      {
        name: 'killed region: its viewers served by the next',
        unit: 's',
        values: of(kills, 'seconds'),
        limit: 95,
      },
      {
        name: 'killed region: failed requests of others',
        unit: '',
        values: of(kills, 'otherFailures'),
        limit: 0,
      },
      { name: 'killed region: failed requests of its viewers', unit: '', values: of(kills, 'ownFailures') },
      { name: 'killed region: served at home again', unit: 's', values: returns },
      {
        name: 'drained region: its viewers served by the next',
        unit: 's',
        values: of(drains, 'seconds'),
        limit: 150,
      },
      {
        name: 'drained region: failed requests of its viewers',
        unit: '',
        values: of(drains, 'ownFailures'),
        limit: 0,
      },
      {
        name: 'drained region: failed requests of others',
        unit: '',
        values: of(drains, 'otherFailures'),
        limit: 0,
      },
    ];
  },
};

/** Does something, and counts until the region's viewers are served by another. */
async function watch(run: LocalRun, by: string, act: () => Promise<unknown>): Promise<Witnessed> {
  let over = false;
  const failures = new Map<string, number>();
  const crowd = Object.keys(viewers).map(async (home) => {
    while (!over) {
      const { status } = await run.ask(home);
      if (status !== 200) failures.set(home, (failures.get(home) ?? 0) + 1);
      await sleep(pauseMs);
    }
  });
  const began = performance.now();
  try {
    await act();
    await run.servedBy(lost, by, pauseMs);
  } finally {
    over = true;
    await Promise.all(crowd);
  }
  const ownFailures = failures.get(lost) ?? 0;
  const all = [...failures.values()].reduce((sum, count) => sum + count, 0);
  return { seconds: (performance.now() - began) / 1000, ownFailures, otherFailures: all - ownFailures };
}

/** Puts the object that drains the region into its neighbour's bucket, or takes it away. */
async function setDrain(run: LocalRun, drained: boolean): Promise<void> {
  const { account, endpoints } = await run.control.state();
  const s3 = new S3Client({
    region: next,
    endpoint: endpoints[next]!['s3']!,
    credentials: localCredentials,
    forcePathStyle: true,
  });
  const object = { Bucket: `meridian-local-media-${account}-${next}-an`, Key: drainKey(lost) };
  try {
    if (drained) await s3.send(new PutObjectCommand({ ...object, Body: 'benchmark' }));
    else await s3.send(new DeleteObjectCommand(object));
  } finally {
    s3.destroy();
  }
}
