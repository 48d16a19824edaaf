/** A whole run: load, setup, scenarios, teardown, thresholds, summary. */

import { exitCodes, RunError } from './exit-codes.ts';
import type { Place } from './messages.ts';
import { Metrics, type Tags, type Values } from './metrics.ts';
import { type Options, peakVUs, readOptions, type Scale, type Scenario } from './options.ts';
import { type Addresses, NameResolver } from './resolver.ts';
import { runScenario, type Stage } from './scenario.ts';
import { ChecksTree, summaryData, textSummary } from './summary.ts';
import { Thresholds, type Verdict } from './thresholds.ts';
import { type Birth, type Listener, VirtualUser } from './virtual-user.ts';

export interface RunRequest {
  /** Absolute path. */
  readonly script: string;
  readonly env: Tags;
  readonly scale: Scale;
  /** DNS server as `host:port`. */
  readonly dns?: string | undefined;
  readonly addresses?: Addresses | undefined;
  readonly log: (line: string) => void;
}

export interface RunResult {
  readonly exitCode: number;
  /** Why, when it is not 0. */
  readonly reason?: string;
  readonly verdicts: readonly Verdict[];
  readonly metrics: Readonly<Record<string, Values>>;
  readonly droppedIterations: number;
  /** File names (or `stdout`, `stderr`) and what handleSummary wants written there. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** Threads that load the script at the same time. */
const loadedAtOnce = 4;

/** Milliseconds between two looks at thresholds that may abort; k6 looks every two seconds. */
const judgeEveryMs = 100;

export async function runScript(request: RunRequest): Promise<RunResult> {
  const run = new Run(request);
  try {
    return await run.whole();
  } finally {
    await run.close();
  }
}

class Run {
  readonly #request: RunRequest;
  readonly #metrics = new Metrics();
  readonly #checks = new ChecksTree();
  readonly #vus: VirtualUser[] = [];
  /** Aborted when nothing new may start; the reason is a RunError. */
  readonly #end = new AbortController();
  readonly #listener: Listener;
  #testStart = Date.now();

  constructor(request: RunRequest) {
    this.#request = request;
    this.#listener = {
      record: (sample) => {
        this.#metrics.add(sample);
        this.#checks.add(sample);
      },
      log: (level, text) => request.log(`${level}: ${text}`),
      refused: (what) => this.#abort(exitCodes.refused, `this harness does not know ${what}`),
      abort: (reason) => this.#abort(exitCodes.aborted, `aborted by the script: ${reason}`),
    };
  }

  async whole(): Promise<RunResult> {
    const began = performance.now();
    const failed: RunError[] = [];
    const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        failed.push(error instanceof RunError ? error : new RunError(exitCodes.exception, String(error)));
        return undefined;
      }
    };
    const prepared = await attempt(() => this.#prepare());
    if (!prepared) return this.#result({ failed, verdicts: [], seconds: 0, trendStats: [], outputs: {} });

    const { first, options, thresholds, crews } = prepared;
    const seconds = (): number => (performance.now() - began) / 1000;
    const watch = setInterval(() => {
      const broken = thresholds.aborting(seconds());
      if (broken) this.#abort(exitCodes.thresholds, `${broken.metric}: ${broken.threshold} is broken`);
    }, judgeEveryMs);
    let setupData: string | undefined;
    try {
      const ready = await attempt(async () => {
        setupData = await this.#stage(first, 'setup', [], options.setupTimeoutMs, exitCodes.setupTimeout);
        return true;
      });
      if (ready) {
        this.#testStart = Date.now();
        await attempt(() => this.#scenarios(crews, options, setupData));
        await attempt(() =>
          this.#stage(first, 'teardown', [setupData], options.teardownTimeoutMs, exitCodes.teardownTimeout),
        );
      }
    } finally {
      clearInterval(watch);
    }
    if (this.#end.signal.aborted) failed.unshift(this.#end.signal.reason as RunError);
    const verdicts = thresholds.judge(seconds());
    const data = summaryData(this.#metrics, this.#checks, verdicts, options, seconds(), setupData);
    let outputs: Record<string, string> = { stdout: textSummary(data) };
    if (
      first.functions.includes('handleSummary') &&
      failed.every((one) => one.exitCode !== exitCodes.refused)
    ) {
      await attempt(async () => {
        const ended = await first.call('handleSummary', [JSON.stringify(data)], this.#place());
        if (ended.error) throw new RunError(exitCodes.exception, ended.error);
        outputs = JSON.parse(ended.value ?? '{}');
      });
    }
    return this.#result({
      failed,
      verdicts,
      seconds: seconds(),
      trendStats: options.summaryTrendStats,
      outputs,
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#vus.map((vu) => vu.close()));
  }

  /** Loads the script as often as there are VUs, and checks what it exports. */
  async #prepare() {
    const first = await this.#start(0);
    this.#throwIfRefused();
    const options = readOptions(first.options, this.#request.scale);
    const thresholds = new Thresholds(options.thresholds, this.#metrics);
    for (const { name, exec } of options.scenarios) {
      if (!first.functions.includes(exec)) {
        throw new RunError(
          exitCodes.configuration,
          `scenario '${name}': the script exports no function '${exec}'`,
        );
      }
    }
    const counts = options.scenarios.map(peakVUs);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const others: VirtualUser[] = [];
    for (let next = 1; next <= total; next += loadedAtOnce) {
      const ids = Array.from({ length: Math.min(loadedAtOnce, total - next + 1) }, (_, i) => next + i);
      others.push(...(await Promise.all(ids.map((id) => this.#start(id)))));
    }
    const resolver = new NameResolver(options.dns, this.#request.dns, this.#request.addresses);
    for (const vu of this.#vus) vu.connect(options, resolver);
    const crews = options.scenarios.map((scenario, i) => {
      const from = counts.slice(0, i).reduce((sum, count) => sum + count, 0);
      return { scenario, vus: others.slice(from, from + counts[i]!) };
    });
    this.#listener.record({ metric: 'vus_max', value: total, tags: {} });
    return { first, options, thresholds, crews };
  }

  async #start(vu: number): Promise<VirtualUser> {
    const { script, env, scale } = this.#request;
    const birth: Birth = {
      script,
      vu,
      env,
      timeScale: scale.time,
      metrics: this.#metrics,
      listener: this.#listener,
    };
    const started = await VirtualUser.start(birth).catch((error: Error) => {
      this.#throwIfRefused();
      throw error;
    });
    this.#vus.push(started);
    return started;
  }

  /** setup or teardown, if the script has it. */
  async #stage(
    vu: VirtualUser,
    name: 'setup' | 'teardown',
    data: readonly (string | undefined)[],
    timeoutMs: number,
    timeoutCode: number,
  ): Promise<string | undefined> {
    if (!vu.functions.includes(name)) return undefined;
    const timer = setTimeout(() => vu.interrupt(), timeoutMs);
    try {
      const ended = await vu.call(name, data, this.#place({ group: `::${name}` }));
      if (ended.error) throw new RunError(exitCodes.exception, `${name}: ${ended.error}`);
      if (this.#end.signal.aborted && name === 'setup') throw this.#end.signal.reason;
      if (ended.interrupted) throw new RunError(timeoutCode, `${name} took longer than ${timeoutMs} ms`);
      return ended.value;
    } finally {
      clearTimeout(timer);
    }
  }

  async #scenarios(
    crews: readonly { scenario: Scenario; vus: readonly VirtualUser[] }[],
    options: Options,
    setupData: string | undefined,
  ): Promise<void> {
    const stage: Stage = {
      record: this.#listener.record,
      log: this.#request.log,
      ending: this.#end.signal,
      optionTags: options.tags,
      setupData,
      testStart: this.#testStart,
    };
    await Promise.all(crews.map(({ scenario, vus }) => runScenario(scenario, vus, stage)));
  }

  #place(parts: Partial<Place> = {}): Omit<Place, 'iteration'> {
    return { env: {}, tags: {}, group: '', testStart: this.#testStart, ...parts };
  }

  #abort(exitCode: number, message: string): void {
    if (!this.#end.signal.aborted) this.#end.abort(new RunError(exitCode, message));
  }

  #throwIfRefused(): void {
    if (this.#end.signal.aborted) throw this.#end.signal.reason;
  }

  #result(end: {
    failed: readonly RunError[];
    verdicts: readonly Verdict[];
    seconds: number;
    trendStats: readonly string[];
    outputs: Readonly<Record<string, string>>;
  }): RunResult {
    const broken = end.verdicts.filter(({ ok }) => !ok);
    const [first] = end.failed;
    const reason =
      first?.message ??
      (broken.length > 0
        ? broken.map(({ metric, threshold }) => `${metric}: ${threshold}`).join('; ')
        : undefined);
    const metrics = this.#metrics.list();
    return {
      exitCode: first?.exitCode ?? (broken.length > 0 ? exitCodes.thresholds : exitCodes.passed),
      ...(reason !== undefined && { reason }),
      verdicts: end.verdicts,
      metrics: Object.fromEntries(metrics.map((one) => [one.name, one.values(end.trendStats, end.seconds)])),
      droppedIterations: this.#metrics.watch('dropped_iterations').read('count', end.seconds),
      outputs: end.outputs,
    };
  }
}
