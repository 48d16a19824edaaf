/** The inside of a host process: runs the parts of one region, or of the edge, as the run asks over IPC. */

import type { Endpoint } from '../contract/endpoint.ts';
import type { FromHost, Request, ToHost } from './host-messages.ts';
import type { Part, RunningPart } from './part.ts';

export type Parts = Readonly<Record<string, () => Promise<Part<never>>>>;

/** Answers the run for the rest of this process's life. */
export function serveParts(region: string, parts: Parts): void {
  const running = new Map<string, RunningPart<unknown>>();
  let addresses: Readonly<Record<string, Endpoint>> = {};

  process.on('message', (message: ToHost) => {
    if (message.kind === 'addresses') {
      addresses = message.addresses;
      return;
    }
    const { id, partId } = message;
    serve(message).then(
      (result) => say({ kind: 'reply', id, result }),
      (error: Error) => {
        say({ kind: 'log', partId, line: error.stack ?? String(error) });
        say({ kind: 'reply', id, error: error.message });
      },
    );
  });

  // One part's fault must not pass unseen: the run starts the whole host again and says so.
  process.on('unhandledRejection', (error) => {
    throw error;
  });

  say({ kind: 'ready' });

  async function serve(request: Request): Promise<unknown> {
    const { partId } = request;
    const part = running.get(partId);
    if (request.operation === 'run') {
      await part?.close();
      running.set(partId, await start(request.part, partId, request.config));
      return undefined;
    }
    if (!part) throw new Error(`no part '${partId}' runs in the host of ${region}`);
    if (request.operation === 'update') {
      if (!part.update) throw new Error(`part '${partId}' takes no new configuration`);
      return part.update(request.config);
    }
    if (request.operation === 'call') {
      if (!part.call) throw new Error(`part '${partId}' answers no calls, got '${request.method}'`);
      return part.call(request.method, request.argument);
    }
    running.delete(partId);
    return part.close();
  }

  async function start(name: string, partId: string, config: unknown): Promise<RunningPart<unknown>> {
    const load = Object.hasOwn(parts, name) ? parts[name] : undefined;
    if (!load) throw new Error(`no part '${name}', expected one of: ${Object.keys(parts).join(', ')}`);
    const part = (await load()) as Part<unknown>;
    return part(config, {
      region,
      dial: (to) => {
        const endpoint = addresses[to] ?? addresses[to.toLowerCase()];
        if (!endpoint) throw new Error(`nothing is listed under '${to}'`);
        return endpoint;
      },
      emit: (event, detail) => say({ kind: 'event', partId, event, detail }),
      log: (line) => say({ kind: 'log', partId, line }),
    });
  }
}

function say(message: FromHost): void {
  if (process.connected) process.send!(message);
}
