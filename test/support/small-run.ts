/** A run of a hand-written assembly: the real resolver, processes and hosts, for a few resources. */

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AddressBook } from '../../local/address-book.ts';
import type { Template } from '../../local/assembly.ts';
import { forgetState, prepareState } from '../../local/data-root.ts';
import { EventLog } from '../../local/events.ts';
import { logFile } from '../../local/logs.ts';
import { ProcessTable } from '../../local/process-table.ts';
import type { ResourceModule } from '../../local/resource.ts';
import { Run } from '../../local/run.ts';

export const account = '111111111111';

export interface SmallStack {
  readonly region: string;
  readonly dependencies?: readonly string[];
  readonly resources: NonNullable<Template['Resources']>;
}

export interface SmallRunOptions {
  readonly modules: readonly ResourceModule[];
  readonly timeScale?: number;
  /** Content hash → folder, for code and images. @default none */
  readonly assets?: ReadonlyMap<string, string>;
  /** State of an earlier run to go on with. @default a new folder, removed at the end */
  readonly stateDir?: string;
}

const temporaryState = () => mkdtempSync(join(tmpdir(), 'meridian-'));

/** Makes a run of stacks by id; `close` ends its processes and throws its data away unless told to keep it. */
export async function smallRun(
  stacks: Readonly<Record<string, SmallStack>>,
  { modules, timeScale = 1, assets = new Map(), stateDir = temporaryState() }: SmallRunOptions,
) {
  prepareState(stateDir, { fresh: false });
  const book = await AddressBook.open(join(stateDir, 'addresses.json'), 60);
  const events = new EventLog();
  const assembly = {
    stacks: Object.entries(stacks).map(([id, { region, dependencies = [], resources }]) => ({
      id,
      name: `test-${id}`,
      account,
      region,
      dependencies,
      template: { Resources: resources },
    })),
    assets,
  };
  const processes = new ProcessTable(stateDir);
  const run = new Run({
    events,
    environment: 'test',
    assembly,
    modules,
    stateDir,
    book,
    processes,
    timeScale,
  });
  return {
    run,
    assembly,
    book,
    processes,
    stateDir,
    /** Value of an attribute, as a template would read it. */
    attribute(stack: string, logicalId: string, name: string): string {
      const identity = run.resolver.identity(
        run.resolver.declared().find((one) => one.stack === stack && one.logicalId === logicalId)!,
      );
      return name === 'Ref' ? identity.ref : identity.attributes[name]!;
    },
    logOf: (region: string, resource: string, unit?: string) => logFile(stateDir, region, resource, unit),
    /** Resolves with the first event that fits, past ones after `afterId` included. */
    event(
      fits: (event: ReturnType<typeof run.events.since>[number]) => boolean,
      afterId = 0,
      withinMs = 20_000,
    ) {
      return new Promise<ReturnType<typeof run.events.since>[number]>((resolve, reject) => {
        const known = run.events.since(afterId).find(fits);
        if (known) return resolve(known);
        const timer = setTimeout(() => {
          end();
          reject(
            new Error(
              `no such event within ${withinMs} ms, last were: ${JSON.stringify(run.events.since(0).slice(-10))}`,
            ),
          );
        }, withinMs);
        const end = run.events.listen((event) => {
          if (!fits(event)) return;
          clearTimeout(timer);
          end();
          resolve(event);
        });
      });
    },
    async close(keep: 'keep' | 'forget' = 'forget'): Promise<void> {
      await run.stop();
      await processes.close();
      if (keep === 'keep') return;
      forgetState(stateDir);
    },
  };
}

export type SmallRun = Awaited<ReturnType<typeof smallRun>>;
