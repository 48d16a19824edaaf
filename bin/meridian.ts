#!/usr/bin/env node
/** The operator's command: `npx meridian <verb>`. It starts on the project's own Node, wherever npm runs. */

import { Command } from 'commander';
import { verbs } from '../tools/index.ts';

const program = new Command('npx meridian')
  .description('Runs and operates the environments of config/environments.ts.')
  .showSuggestionAfterError()
  .showHelpAfterError('(npx meridian --help lists the verbs)')
  .configureHelp({ showGlobalOptions: true });
for (const add of verbs) add(program);

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
