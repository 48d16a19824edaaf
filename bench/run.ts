/**
 * `npm run bench [-- NAME … --runs N]`: measures, prints medians with their limits, and fails when one is exceeded.
 */

import { arch, cpus, totalmem } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { colors } from '../local/colors.ts';
import { type Figure, median } from './benchmark.ts';
import { benchmarks } from './registry.ts';

const names = benchmarks.map((benchmark) => benchmark.name);

const program = new Command('bench')
  .description('Measures on this machine; run it while the machine is otherwise idle.')
  .argument('[names...]', `which benchmarks: ${names.join(', ')}`, names)
  .option('--runs <n>', 'runs of each; the median is judged', positive, 5)
  .option('--json', 'print JSON instead of a table')
  .parse();

const { runs, json } = program.opts<{ runs: number; json?: boolean }>();
const chosen = program.processedArgs[0] as string[];
const unknown = chosen.filter((name) => !names.includes(name));
if (unknown.length > 0)
  program.error(`unknown benchmark '${unknown.join("', '")}', expected one of: ${names.join(', ')}`);

const report: { name: string; question: string; figures: readonly Figure[] }[] = [];
for (const benchmark of benchmarks.filter(({ name }) => chosen.includes(name))) {
  const progress = (line: string) => process.stderr.write(`${colors.dim(`${benchmark.name}: ${line}`)}\n`);
  const figures = await benchmark.measure(runs, progress);
  report.push({ name: benchmark.name, question: benchmark.question, figures });
}

const exceeded = report.flatMap(({ figures }) =>
  figures.filter(({ limit, values }) => limit !== undefined && median(values) > limit),
);
if (json) {
  console.log(JSON.stringify({ machine: machine(), runs, report }, null, 2));
} else {
  console.log(`\n${machine()}, median of ${runs}`);
  for (const { question, figures } of report) {
    console.log(`\n${colors.bold(question)}`);
    for (const figure of figures) console.log(`  ${row(figure)}`);
  }
}
process.exitCode = exceeded.length > 0 ? 1 : 0;

function row({ name, unit, values, limit }: Figure): string {
  const text = (value: number) => `${Number(value.toPrecision(3))}`;
  const spread = values.length > 1 ? ` (${text(Math.min(...values))} to ${text(Math.max(...values))})` : '';
  const verdict =
    limit === undefined
      ? ''
      : median(values) <= limit
        ? colors.green(`  at most ${limit}: holds`)
        : colors.red(`  at most ${limit}: EXCEEDED`);
  return `${name.padEnd(46)}${text(median(values))} ${unit}${spread}${verdict}`;
}

function machine(): string {
  return `${cpus().length} cores (${cpus()[0]?.model ?? arch()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new InvalidArgumentError(`got '${text}', expected a whole number from 1`);
  }
  return value;
}
