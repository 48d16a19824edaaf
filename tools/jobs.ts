/** `npx meridian jobs …`: what waits in the job queues, what was given up, and sending that back. */

import type { Command } from 'commander';
import { resolveEnvironment } from '../config/validate.ts';
import { suggestion } from '../local/nearest.ts';
import type { DeadLetter, JobQueue } from './job-queues.ts';
import { stateDirOption, type Verb } from './verb.ts';

interface Where {
  readonly region?: string;
  readonly aws: boolean;
  readonly json: boolean;
  readonly stateDir: string;
}

/** The most that SQS's own move takes. */
const fastest = 500;

export const jobs: Verb = (program) => {
  const parent = program
    .command('jobs')
    .description('show what waits and what was given up; send it back or delete it');
  at(parent, 'status', 'how many jobs wait, are under way, and were given up', status);
  at(parent, 'peek', 'show jobs that were given up', peek).option(
    '--most <n>',
    'at most so many a region',
    '10',
  );
  at(parent, 'redrive', 'send jobs that were given up back to their queue', redrive)
    .option('--rate <n>', 'messages a second, in each region', '10')
    .option('--dry-run', 'say what would go back, and leave it', false);
  at(parent, 'purge', 'delete jobs that were given up, for good', purge).option('--yes', 'do it', false);
};

/** A verb of the jobs with what all of them take. */
function at<O extends Where>(
  parent: Command,
  name: string,
  description: string,
  act: (queues: readonly JobQueue[], options: O) => Promise<void>,
): Command {
  return parent
    .command(name)
    .description(description)
    .argument('<env>', 'environment of config/environments.ts')
    .option('--region <region>', 'only this region. @default all of them')
    .option('--aws', 'on AWS, with the credentials of the shell. @default the run on this machine', false)
    .option('--json', 'as JSON', false)
    .option(...stateDirOption)
    .action(async (environment: string, options: O) => {
      const queues = await queuesOf(environment, options);
      try {
        await act(queues, options);
      } finally {
        for (const queue of queues) queue.close();
      }
    });
}

async function queuesOf(environment: string, { region, aws, stateDir }: Where): Promise<JobQueue[]> {
  const { regions, localOnly } = resolveEnvironment(environment);
  const names = regions.map(({ name }) => name);
  if (region !== undefined && !names.includes(region)) {
    throw new Error(
      `got --region ${region}, expected a region of '${environment}': ${names.join(', ')}${suggestion(region, names)}`,
    );
  }
  if (aws && localOnly) throw new Error(`environment '${environment}' is never on AWS: leave out --aws`);
  const { awsQueues, localQueues } = await import('./job-queues.ts');
  const all = aws ? await awsQueues(environment) : await localQueues(environment, stateDir);
  return all.filter(({ names: { region: its } }) => region === undefined || its === region);
}

async function status(queues: readonly JobQueue[], { json }: Where): Promise<void> {
  const rows = await Promise.all(
    queues.map(async (queue) => ({ region: queue.names.region, ...(await queue.backlog()) })),
  );
  if (json) return print(rows);
  for (const { region, waiting, underWay, givenUp } of rows) {
    console.log(`${region.padEnd(16)} ${waiting} waiting, ${underWay} under way, ${givenUp} given up`);
  }
}

async function peek(queues: readonly JobQueue[], { json, most }: Where & { most: string }): Promise<void> {
  const limit = whole('--most', most, 1000);
  const found = await lettersOf(queues, limit);
  if (json) return print(found);
  if (found.length === 0) console.log('nothing was given up');
  for (const letter of found) console.log(describe(letter));
}

async function redrive(
  queues: readonly JobQueue[],
  { json, rate, dryRun }: Where & { rate: string; dryRun: boolean },
): Promise<void> {
  const perSecond = whole('--rate', rate, fastest);
  const moved = await Promise.all(
    queues.map(async (queue) => ({
      region: queue.names.region,
      [dryRun ? 'wouldGo' : 'goes']: dryRun
        ? (await queue.backlog()).givenUp
        : await queue.redrive(perSecond),
    })),
  );
  if (json) return print(moved);
  for (const { region, wouldGo, goes } of moved) {
    console.log(
      dryRun
        ? `${region}: ${wouldGo} would go back, ${perSecond} a second; nothing was moved`
        : `${region}: ${goes} back to the queue`,
    );
  }
}

async function purge(queues: readonly JobQueue[], { json, yes }: Where & { yes: boolean }): Promise<void> {
  const rows = await Promise.all(
    queues.map(async (queue) => ({ region: queue.names.region, deleted: (await queue.backlog()).givenUp })),
  );
  if (!yes) {
    const what = rows.map(({ region, deleted }) => `${deleted} of ${region}`).join(', ');
    throw new Error(`this deletes jobs that were given up, for good: ${what}; say --yes to do it`);
  }
  await Promise.all(queues.map((queue) => queue.purge()));
  if (json) return print(rows);
  for (const { region, deleted } of rows) console.log(`${region}: ${deleted} deleted`);
}

/** A dead letter with what it says: the job, or why it is none. */
type Decoded = DeadLetter & { readonly region: string; readonly job?: unknown; readonly reason?: string };

async function lettersOf(queues: readonly JobQueue[], limit: number): Promise<Decoded[]> {
  const { parseJob } = await import('../contract/job.ts');
  const decode = (body: string): Pick<Decoded, 'job' | 'reason'> => {
    try {
      return { job: parseJob(body) };
    } catch (error) {
      return { reason: (error as Error).message };
    }
  };
  const all = await Promise.all(
    queues.map(async (queue) =>
      (await queue.peek(limit)).map((letter) => ({
        region: queue.names.region,
        ...letter,
        ...decode(letter.body),
      })),
    ),
  );
  return all.flat();
}

function describe({ region, id, sentAt, receives, body, job, reason }: Decoded): string {
  const content = job
    ? `job ${JSON.stringify(job)}`
    : `${reason}; body ${JSON.stringify(body.slice(0, 500))}`;
  return `${region} ${id}, sent ${sentAt}, received ${receives} times\n  ${content}`;
}

function whole(option: string, value: string, most: number): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new Error(`got ${option} ${value}, expected a whole number from 1 to ${most}`);
}

function print(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}
