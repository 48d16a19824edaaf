/** Small scripts and a small server to try the harness with. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import type { RunResult } from '../../support/k6/run.ts';
import { type RunRequest, runScript } from '../../support/k6/run.ts';

/** A folder for scripts, removed after the test file. */
export function scriptFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'k6-scripts-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const servers = new Set<Server>();

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** Starts a server that ends with the test file. */
export async function serve(
  listener: RequestListener,
): Promise<{ server: Server; port: number; url: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.add(server);
  const { port } = server.address() as AddressInfo;
  return { server, port, url: `http://127.0.0.1:${port}` };
}

export type Tried = RunResult & { readonly log: string };

/** Runs a script's text in this process. */
export async function tryScript(
  folder: string,
  text: string,
  request: Partial<RunRequest> = {},
): Promise<Tried> {
  const script = join(folder, `script-${Math.random().toString(36).slice(2)}.ts`);
  writeFileSync(script, text);
  const lines: string[] = [];
  const result = await runScript({
    script,
    env: {},
    scale: { time: 1, rate: 1 },
    log: (line) => lines.push(line),
    ...request,
  });
  return { ...result, log: lines.join('\n') };
}
