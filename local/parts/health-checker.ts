/**
 * One Route 53 health check in the edge's process: real requests to the endpoint, or a count of other checks.
 * After "How Amazon Route 53 determines whether a health check is healthy" and "Values that you specify when you
 * create or update health checks" (Route 53 Developer Guide).
 */

import { get } from 'node:http';
import type { Endpoint } from '../../contract/endpoint.ts';
import { nameSystem } from '../name-system.ts';
import type { Part, PartContext } from '../part.ts';

export type HealthCheckerConfig = {
  readonly id: string;
  readonly inverted: boolean;
} & (
  | {
      readonly kind: 'endpoint';
      readonly intervalMs: number;
      readonly host: string;
      readonly path: string;
      readonly failureThreshold: number;
    }
  | { readonly kind: 'calculated'; readonly children: readonly string[]; readonly healthThreshold: number }
);

/** A checker connects within four seconds and has its answer two seconds later. Not scaled: running code answers. */
const connectTimeoutMs = 4_000;
const answerTimeoutMs = 2_000;

export const healthChecker: Part<HealthCheckerConfig> = async (config, context) => {
  let state: boolean | undefined;
  const report = (healthy: boolean, detail: Record<string, unknown> = {}) => {
    const reported = healthy !== config.inverted;
    if (reported === state) return;
    state = reported;
    nameSystem.setCheck(config.id, reported);
    context.emit(reported ? 'healthy' : 'unhealthy', detail);
  };
  const stop = config.kind === 'calculated' ? calculate(config, report) : check(config, context, report);
  return {
    call: () => ({ healthy: state ?? true }),
    async close() {
      stop();
      nameSystem.dropCheck(config.id);
    },
  };
};

type Report = (healthy: boolean, detail?: Record<string, unknown>) => void;

/** A calculated check asks no endpoint: it follows its children. */
function calculate(config: Extract<HealthCheckerConfig, { kind: 'calculated' }>, report: Report): () => void {
  const count = () => {
    const healthy = config.children.filter((id) => nameSystem.check(id)).length;
    report(healthy >= config.healthThreshold, { healthy, of: config.children.length });
  };
  count();
  return nameSystem.listen(count);
}

/** Asks at once and then by the interval; the state changes after the threshold of equal results in a row. */
function check(
  config: Extract<HealthCheckerConfig, { kind: 'endpoint' }>,
  context: PartContext,
  report: Report,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let last: boolean | undefined;
  let inARow = 0;
  const round = async () => {
    const started = performance.now();
    const { passed, detail } = await probe(config, context);
    if (stopped) return;
    inARow = passed === last ? inARow + 1 : 1;
    last = passed;
    if (inARow >= config.failureThreshold) report(passed, { detail });
    timer = setTimeout(round, Math.max(0, config.intervalMs - (performance.now() - started)));
  };
  void round();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

interface Result {
  readonly passed: boolean;
  /** The status, or why there is none. */
  readonly detail: string;
}

/** Healthy is a status of 2xx or 3xx in time. */
function probe({ host, path }: { host: string; path: string }, { dial }: PartContext): Promise<Result> {
  let endpoint: Endpoint;
  try {
    endpoint = dial(nameSystem.resolve(host)?.target ?? host);
  } catch (error) {
    return Promise.resolve({ passed: false, detail: (error as Error).message });
  }
  return new Promise((resolve) => {
    const headers = { host, 'user-agent': 'Amazon-Route53-Health-Check-Service', connection: 'close' };
    const request = get({ ...endpoint, path, agent: false, headers }, (answer) => {
      clearTimeout(timer);
      const status = answer.statusCode!;
      resolve({ passed: status >= 200 && status < 400, detail: String(status) });
      request.destroy();
    });
    const late = () => request.destroy(new Error('no answer in time'));
    let timer = setTimeout(late, connectTimeoutMs);
    request.once('socket', (socket) =>
      socket.once('connect', () => {
        clearTimeout(timer);
        timer = setTimeout(late, answerTimeoutMs);
      }),
    );
    request.once('error', (error) => {
      clearTimeout(timer);
      resolve({ passed: false, detail: error.message });
    });
  });
}
