/** `npx meridian status`: what runs here, and in which state. */

import colors from 'picocolors';
import { ControlClient } from '../local/control-client.ts';
import type { ResourceReport } from '../local/state.ts';
import { stateDirOption, stateRoot, type Verb } from './verb.ts';

export const status: Verb = (program) => {
  program
    .command('status')
    .description('show what runs here')
    .option(...stateDirOption)
    .option('--json', 'the whole state as JSON', false)
    .action(async ({ stateDir, json }: { stateDir: string; json: boolean }) => {
      const { client } = ControlClient.of(stateRoot(stateDir));
      const state = await client.state();
      if (json) {
        console.log(JSON.stringify(state, null, 2));
        return;
      }
      const { environment, phase, startedAt, addresses, resources, hosts } = state;
      console.log(`environment ${environment}, ${phase}, since ${startedAt}, at ${addresses.site}\n`);
      const rows = [
        ...hosts.map(({ region, alive, pid }) => [
          region,
          'host',
          alive ? 'running' : 'stopped',
          pid ? `pid ${pid}` : '',
        ]),
        ...resources.map((one) => [one.region, one.logicalId, one.state, notes(one)]),
      ];
      const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i]!.length)));
      for (const row of rows) {
        const cells = row.map((cell, i) => cell.padEnd(widths[i] ?? 0));
        if (row[2] !== 'running') cells[2] = colors.red(cells[2]!);
        console.log(cells.join('  ').trimEnd());
      }
    });
};

function notes({ units, describe, reason }: ResourceReport): string {
  return [
    reason ?? '',
    ...units.map(
      ({ id, state, address, pid }) =>
        `${[`[${id} ${state}`, address, pid && `pid ${pid}`].filter(Boolean).join(' ')}]`,
    ),
    ...Object.entries(describe).map(
      ([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
    ),
  ]
    .filter(Boolean)
    .join(' ');
}
