/** The environment `local` in a run of its own, for benchmarks that need the whole. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFree } from '../local/address-book.ts';
import { ControlClient } from '../local/control-client.ts';

const root = resolve(import.meta.dirname, '..');

/** One viewer for each region of the environment `local`. */
export const viewers: Readonly<Record<string, string>> = {
  'us-east-1': 'US',
  'eu-west-1': 'IE',
  'ap-southeast-1': 'SG',
};

/** An answer as a viewer gets it; a status of 0 is none. */
export interface Served {
  readonly status: number;
  readonly region: string | null;
}

/** Longest wait for something that the benchmark measures, milliseconds. */
const longestMs = 300_000;

export class LocalRun {
  readonly site: string;
  readonly #child: ChildProcess;
  readonly #stateDir: string;
  readonly #output: string[] = [];
  readonly #ended: Promise<void>;

  private constructor(child: ChildProcess, port: number, stateDir: string) {
    this.site = `http://localhost:${port}`;
    this.#child = child;
    this.#stateDir = stateDir;
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (chunk) => this.#output.push(`${chunk}`));
    }
    this.#ended = new Promise<void>((done) => child.once('close', () => done()));
  }

  /** Begins `npm start` on new data; does not wait until it is ready. */
  static async begin(): Promise<LocalRun> {
    const stateDir = mkdtempSync(join(root, '.meridian-bench-'));
    const port = await freePort();
    const flags = ['--fresh', '--port', String(port), '--state-dir', stateDir];
    const child = spawn('npm', ['start', '--silent', '--', ...flags], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: process.env,
    });
    return new LocalRun(child, port, stateDir);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get control(): ControlClient {
    return ControlClient.of(this.#stateDir).client;
  }

  /** What a viewer at home in a region gets now. */
  async ask(home: string, path = '/api/images?limit=1'): Promise<Served> {
    try {
      const chosen = await fetch(`${this.site}/__local/viewer?country=${viewers[home]}`, {
        redirect: 'manual',
      });
      const cookie = chosen.headers
        .getSetCookie()
        .map((each) => each.split(';')[0])
        .join('; ');
      const answer = await fetch(`${this.site}${path}`, {
        headers: { cookie },
        signal: AbortSignal.timeout(30_000),
      });
      await answer.arrayBuffer();
      return { status: answer.status, region: answer.headers.get('x-served-region') };
    } catch {
      return { status: 0, region: null };
    }
  }

  /** Resolves when a viewer at home in one region is served by another, or the same. */
  async servedBy(home: string, region: string, pauseMs = 50): Promise<void> {
    for (const end = performance.now() + longestMs; performance.now() < end; await sleep(pauseMs)) {
      if (this.#child.exitCode !== null) throw this.failure(`the run ended with ${this.#child.exitCode}`);
      const served = await this.ask(home);
      if (served.status === 200 && served.region === region) return;
    }
    throw this.failure(`${region} did not serve the viewers of ${home} within ${longestMs / 1000} s`);
  }

  /** An error with the last that the run wrote. */
  failure(sentence: string): Error {
    return new Error(`${sentence}\n${this.#output.join('').slice(-2000)}`);
  }

  /** Ctrl-C for the run itself, since npm does not hand signals on reliably; then its data is removed. */
  async end(): Promise<void> {
    try {
      process.kill(JSON.parse(readFileSync(join(this.#stateDir, 'run.json'), 'utf8')).pid, 'SIGINT');
    } catch {
      this.#child.kill('SIGINT');
    }
    await this.#ended;
    rmSync(this.#stateDir, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  for (let port = 18_080; port < 18_180; port += 2) {
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
  throw new Error('no two free ports from 18080 to 18180');
}
