/** A bundled function in its own process, through the bootstrap of the local run. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Report } from '../../local/lambda-bootstrap.ts';

export interface RunningFunction {
  /** @throws Error with the function's own message */
  invoke<R>(event?: unknown, timeoutMs?: number): Promise<R>;
  stop(): Promise<void>;
}

/** @param folder content of its zip */
export async function startFunction(
  folder: string,
  variables: Readonly<Record<string, string>>,
): Promise<RunningFunction> {
  const child = fork(resolve(import.meta.dirname, '../../local/lambda-bootstrap.ts'), {
    execPath: process.execPath,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...variables, LAMBDA_TASK_ROOT: folder, _HANDLER: 'index.handler' },
  });
  const [first] = (await once(child, 'message')) as [Report];
  if (first.kind !== 'ready') throw new Error(JSON.stringify(first));
  let count = 0;
  return {
    async invoke<R>(event: unknown = {}, timeoutMs = 20_000): Promise<R> {
      const requestId = String(++count);
      const answered = once(child, 'message', { signal: AbortSignal.timeout(timeoutMs + 5000) });
      child.send({ requestId, event, deadline: Date.now() + timeoutMs, functionArn: 'arn' });
      const [report] = (await answered) as [Report];
      if (report.kind === 'result') return report.value as R;
      throw new Error(report.kind === 'error' ? report.error.errorMessage : report.kind);
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Messages as the queue hands them to a function. */
export const sqsEvent = (...bodies: readonly string[]) => ({
  Records: bodies.map((body, i) => ({ messageId: String(i), body, attributes: {}, messageAttributes: {} })),
});
