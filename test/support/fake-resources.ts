/** Resource types for tests of the run itself: they note what happens to them, or start a small process. */

import type { Managed } from '../../local/processes.ts';
import type { Activity, ResourceModule, Unit } from '../../local/resource.ts';

export interface Note {
  readonly id: string;
  readonly what: string;
  readonly value?: unknown;
}

/**
 * `Test::Noted` writes its starts and stops into the notes, with the value of its property `Value`; `Fail` makes its
 * start fail. `Test::Process` is a Node process that only waits. `Test::Rolling` can be updated.
 */
export function fakeResources(notes: Note[]): readonly ResourceModule[] {
  const noted = (
    type: string,
    more: (note: (what: string) => void) => Partial<Activity> = () => ({}),
  ): ResourceModule => ({
    type,
    identify: ({ logicalId, region }) => ({
      ref: logicalId.toLowerCase(),
      attributes: { Arn: `arn:x:${region}:${logicalId}` },
    }),
    run: (declared, site) => {
      const note = (what: string) =>
        notes.push({
          id: `${declared.region}/${declared.logicalId}`,
          what,
          value: declared.resolve('Value'),
        });
      return {
        start: async () => {
          note('start');
          const failure = declared.resolve<string>('Fail');
          if (failure !== undefined) throw new Error(failure);
          const peer = declared.resolve<string>('Peer');
          if (peer !== undefined) site.peer(peer);
        },
        stop: async () => {
          note('stop');
        },
        ...more(note),
      };
    },
  });
  return [
    noted('Test::Noted'),
    noted('Test::Rolling', (note) => ({ update: async () => void note('update') })),
    waiting,
  ];
}

const waiting: ResourceModule = {
  type: 'Test::Process',
  identify: ({ logicalId }) => ({ ref: logicalId, attributes: {} }),
  run: ({ region, logicalId }, { processes }) => {
    let child: Managed | undefined;
    return {
      start: async () => {
        child = processes.spawn({
          region,
          resource: logicalId,
          command: process.execPath,
          args: ['-e', 'setInterval(() => {}, 1e3)'],
        });
      },
      stop: async () => {
        await child?.stop();
      },
      units: (): Unit[] =>
        child ? [{ id: '0', state: child.running ? 'running' : 'stopped', pid: child.pid }] : [],
      stopUnit: async () => {
        await child?.kill();
      },
      describe: () => ({ mood: 'calm' }),
    };
  },
};
