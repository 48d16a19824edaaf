/** `npx meridian start [ENV]`: runs an environment's templates on this machine until Ctrl-C. */

import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { resolveEnvironment } from '../config/validate.ts';
import { project, stateDirOption, type Verb } from './verb.ts';

/** Signals that come within this time of the first mean the same, milliseconds. */
const sameWishMs = 700;

interface Options {
  readonly fresh: boolean;
  readonly port: number;
  readonly timeScale: number;
  readonly watch: boolean;
  readonly stateDir: string;
  readonly samples: boolean;
}

export const start: Verb = (program) => {
  program
    .command('start')
    .description("run an environment's templates on this machine")
    .argument('[env]', 'environment of config/environments.ts', 'local')
    .option('--fresh', 'throw away what an earlier run kept', false)
    .option('--port <n>', 'port of the site, 0 for any', port, 8080)
    .option('--time-scale <n>', "how many times faster the platform's clock goes", scale, 1)
    .option('--watch', 'restart what a change of the code touches', false)
    .option(...stateDirOption)
    .option('--no-samples', 'leave an empty gallery empty')
    .action(run);
};

async function run(environment: string, options: Options): Promise<void> {
  // Says all that is wrong with it before anything is written.
  const { worker } = resolveEnvironment(environment);
  if (worker.engine === 'rekognition') {
    throw new Error(
      `environment '${environment}' classifies with Rekognition, which nothing here stands in for: run 'local', which has its shape, or set worker.engine to 'embedded'`,
    );
  }
  const { Session } = await import('../local/session.ts');
  const { lineOf, standardOutput, summary } = await import('../local/progress.ts');
  const began = performance.now();
  const session = await Session.open({
    project,
    environment,
    stateRoot: options.stateDir,
    fresh: options.fresh,
    port: options.port,
    timeScale: options.timeScale,
    watch: options.watch,
    listener: (event) => {
      const line = lineOf(event);
      if (line !== undefined) standardOutput.write(line);
    },
  });
  let asked: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // npm hands on a Ctrl-C that the terminal has given to all: that is one wish, not two.
      if (asked !== undefined && performance.now() - asked < sameWishMs) return;
      void session.end(asked === undefined ? 'stop' : 'kill');
      asked ??= performance.now();
    });
  }
  void session.ended.then(() => {
    standardOutput.write('  stopped');
    process.exit(process.exitCode ?? 0);
  });
  standardOutput.write(`\n  Meridian, environment ${environment}\n`);
  try {
    await session.start();
    if (asked !== undefined) return;
    standardOutput.write(summary(session.state(), performance.now() - began, standardOutput));
    if (options.samples) await samples(session.state().addresses.site, standardOutput.write);
  } catch (error) {
    if (asked !== undefined) return;
    process.exitCode = 1;
    console.error(`\n${(error as Error).message}\n`);
    await session.end();
  }
}

async function samples(site: string, write: (line: string) => void): Promise<void> {
  const { uploadSamples } = await import('../local/samples.ts');
  try {
    const count = await uploadSamples(site, join(project, 'samples/pictures'));
    if (count > 0) write(`  ${count} sample pictures uploaded`);
  } catch (error) {
    write(`  sample pictures were not uploaded: ${(error as Error).message}`);
  }
}

function port(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw new InvalidArgumentError('expected a port from 1 to 65535, or 0 for any');
}

function scale(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a number above 0, as 10 for ten times faster');
}
