/** `npx meridian status`: what runs here, and in which state. */

import { colors } from '../local/colors.ts';
import { ControlClient } from '../local/control-client.ts';
import { edge, type ResourceReport } from '../local/state.ts';
import { stateDirOption, stateRoot, type Verb } from './verb.ts';

interface Options {
  readonly all: boolean;
  readonly json: boolean;
  readonly stateDir: string;
}

/** Columns that a logical id may take: the CDK gives some more than a line of a terminal has. */
const longestId = 40;

export const status: Verb = (program) => {
  program
    .command('status')
    .description('show what runs here: resources with processes, and those that do not run')
    .option('--all', 'every resource', false)
    .option('--json', 'the whole state as JSON', false)
    .option(...stateDirOption)
    .action(show);
};

async function show({ all, json, stateDir }: Options): Promise<void> {
  const state = await ControlClient.of(stateRoot(stateDir)).client.state();
  if (json) {
    console.log(JSON.stringify(state, null, 2));
    return;
  }
  const { environment, phase, startedAt, addresses, hosts } = state;
  console.log(`environment ${environment}, ${phase}, since ${startedAt}, at ${addresses.site}`);
  const shown = state.resources.filter((one) => all || one.units.length > 0 || one.state !== 'running');
  for (const { region, alive, pid } of hosts) {
    const resources = shown.filter((one) => (one.global ? edge : one.region) === region);
    console.log(`\n${colors.bold(region)}`);
    row('host', alive ? 'running' : 'stopped', pid === undefined ? '' : `pid ${pid}`);
    for (const one of resources) row(one.logicalId, one.state, notes(one));
  }
}

function row(id: string, state: string, note: string): void {
  const name = id.length > longestId ? `${id.slice(0, longestId - 1)}…` : id;
  const padded = state.padEnd(8);
  const painted = state === 'running' ? padded : colors.red(padded);
  console.log(`  ${name.padEnd(longestId)}  ${painted}  ${note}`.trimEnd());
}

function notes({ units, describe, reason }: ResourceReport): string {
  const parts = units.map(({ id, state, address, pid }) => {
    const where = [address?.replace('127.0.0.1', ''), pid && `pid ${pid}`].filter(Boolean).join(' ');
    return `${id}${state === 'running' ? '' : ` ${state}`} ${colors.dim(where)}`.trimEnd();
  });
  // What a person gives to a client is printed at start; objects are for `--json`.
  const plain = Object.entries(describe).filter(([, value]) => typeof value !== 'object');
  return [reason, ...parts, ...plain.map(([key, value]) => `${key} ${value}`)].filter(Boolean).join(', ');
}
