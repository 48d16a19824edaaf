/**
 * A function's process: loads the handler of the zip folder it stands in, then answers one event after the other
 * over IPC. After "AWS Lambda function handler in Node.js" and "Lambda context object in Node.js".
 */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** From the run to this process. */
export interface Invocation {
  readonly requestId: string;
  readonly event: unknown;
  /** Epoch milliseconds at which the process will be killed. */
  readonly deadline: number;
  readonly functionArn: string;
}

export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

/** From this process to the run. */
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed to load'; readonly error: FunctionError }
  | { readonly kind: 'result'; readonly requestId: string; readonly value: unknown }
  | { readonly kind: 'error'; readonly requestId: string; readonly error: FunctionError };

type Handler = (event: unknown, context: unknown) => unknown;

const tell = (report: Report) => process.send!(report);

const errorOf = (thrown: unknown): FunctionError =>
  thrown instanceof Error
    ? { errorType: thrown.name, errorMessage: thrown.message, trace: thrown.stack?.split('\n') ?? [] }
    : { errorType: 'Error', errorMessage: String(thrown) };

async function load(): Promise<Handler> {
  const { LAMBDA_TASK_ROOT: root = '', _HANDLER: name = '' } = process.env;
  const at = name.lastIndexOf('.');
  const module: Record<string, unknown> = await import(
    pathToFileURL(join(root, `${name.slice(0, at)}.mjs`)).href
  );
  const handler = module[name.slice(at + 1)];
  if (typeof handler !== 'function') throw new Error(`${name} is undefined or not exported`);
  return handler as Handler;
}

function contextOf({ requestId, deadline, functionArn }: Invocation) {
  const { AWS_LAMBDA_FUNCTION_NAME, AWS_LAMBDA_FUNCTION_VERSION, AWS_LAMBDA_FUNCTION_MEMORY_SIZE } =
    process.env;
  return {
    awsRequestId: requestId,
    functionName: AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    invokedFunctionArn: functionArn,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

process.once('disconnect', () => process.exit());

try {
  const handler = await load();
  process.on('message', async (invocation: Invocation) => {
    const { requestId, event } = invocation;
    try {
      const value = (await handler(event, contextOf(invocation))) ?? null;
      tell({ kind: 'result', requestId, value });
    } catch (thrown) {
      console.error(thrown);
      tell({ kind: 'error', requestId, error: errorOf(thrown) });
    }
  });
  tell({ kind: 'ready' });
} catch (thrown) {
  console.error(thrown);
  process.send!({ kind: 'failed to load', error: errorOf(thrown) } satisfies Report, () => process.exit(1));
}
