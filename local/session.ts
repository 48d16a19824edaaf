/** One start of the local run from the first check to the last process: what `npm start` and the tests drive. */

import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { AddressBook, isFree } from './address-book.ts';
import { type Assembly, readAssembly } from './assembly.ts';
import { type Controlled, serveControl } from './control.ts';
import { prepareState } from './data-root.ts';
import { EventLog } from './events.ts';
import { ProcessTable } from './process-table.ts';
import type { ResourceModule } from './resource.ts';
import { modules as allModules } from './resources/index.ts';
import { Run } from './run.ts';
import { claim, publish, type RunFile, release } from './run-file.ts';
import { edge, type RunReport } from './state.ts';
import { synthesize } from './synthesize.ts';
import { watchProject } from './watch.ts';

/** Port that a person opens unless another is asked for. */
export const defaultPort = 8080;

/** Bytes. Every changed bundle adds to it. */
const largestCompileCache = 256 * 1024 * 1024;

export interface SessionOptions {
  /** Folder of cdk.json. */
  readonly project: string;
  readonly environment: string;
  /** Folder inside the project for state, logs and run.json. @default .meridian */
  readonly stateRoot?: string;
  /** Throw away what an earlier run kept. @default false */
  readonly fresh?: boolean;
  /** Port of the site; 0 for any. @default 8080 */
  readonly port?: number;
  /** How many times faster the platform's clock goes. @default 1 */
  readonly timeScale?: number;
  /** Restart what a change of the code touches. @default false */
  readonly watch?: boolean;
  /** Hears of the run from its first event on. */
  readonly listener?: Parameters<EventLog['listen']>[0];
  /** Resource types. @default local/resources/index.ts */
  readonly modules?: readonly ResourceModule[];
  /** Writes an assembly. @default cdk.json's app */
  readonly synthesize?: typeof synthesize;
}

export class Session {
  readonly events = new EventLog();
  /** Resolves when the run has ended and no process of it is left. */
  readonly ended: Promise<void>;
  readonly stateRoot: string;
  readonly stateDir: string;
  readonly #options: SessionOptions;
  #file: RunFile;
  #resolveEnded!: () => void;
  #processes: ProcessTable | undefined;
  #run: Run | undefined;
  #assembly: Assembly | undefined;
  #addresses: RunReport['addresses'] = { site: '', viewer: '', control: '' };
  #ending: Promise<void> | undefined;
  readonly #closers: (() => Promise<void> | void)[] = [];

  private constructor(options: SessionOptions, stateRoot: string, file: RunFile) {
    this.#options = options;
    this.stateRoot = stateRoot;
    this.stateDir = join(stateRoot, options.environment);
    this.#file = file;
    this.ended = new Promise((done) => {
      this.#resolveEnded = done;
    });
    if (options.listener) this.events.listen(options.listener);
  }

  /**
   * Claims the folder; `start` follows.
   * @throws Error when another run has it, or it cannot be written.
   */
  static async open(options: SessionOptions): Promise<Session> {
    const project = resolve(options.project);
    const stateRoot = resolve(project, options.stateRoot ?? '.meridian');
    const inside = relative(project, stateRoot);
    if (inside === '' || inside.startsWith('..')) {
      throw new Error(
        `got state folder '${options.stateRoot}', expected one inside ${project}: bundled code finds native packages from there`,
      );
    }
    const environment = options.environment;
    if (!/^[a-z][a-z0-9]*$/.test(environment)) {
      throw new Error(`got environment '${environment}', expected a name of config/environments.ts`);
    }
    try {
      return new Session({ ...options, project }, stateRoot, await claim(stateRoot, environment));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
      throw new Error(
        `cannot write to ${stateRoot}: it belongs to another user, perhaps of a start as root; remove it or give --state-dir`,
      );
    }
  }

  /**
   * Synthesizes and starts everything; call `end` after a failure too.
   * @throws Error with one sentence about the first thing that failed.
   */
  async start(): Promise<void> {
    const { project, environment, fresh = false, port = defaultPort, timeScale } = this.#options;
    if (port !== 0 && !(await isFree(port))) {
      throw new Error(
        `port ${port} is in use by another program: choose another, as npm start -- --port ${port + 1}`,
      );
    }
    prepareState(this.stateDir, { fresh });
    boundFolder(this.#compileCache, largestCompileCache);
    for (const name of readdirSync(this.stateDir)) {
      if (name.startsWith('cdk.out')) rmSync(join(this.stateDir, name), { recursive: true, force: true });
    }
    this.#processes = new ProcessTable(this.stateDir, this.#compileCache);
    this.#say({ reaper: this.#processes.reaper });
    const [assembly, book] = await Promise.all([
      this.#synthesize('cdk.out'),
      AddressBook.open(join(this.stateDir, 'addresses.json')),
    ]);
    if (this.#ending) return;
    const { port: sitePort } = book.list(`${edge}/https`, port || undefined);
    const site = `http://localhost:${sitePort}`;
    this.#assembly = assembly;
    this.#run = new Run({
      environment,
      assembly,
      modules: this.#options.modules ?? allModules,
      stateDir: this.stateDir,
      book,
      processes: this.#processes,
      events: this.events,
      ...(timeScale !== undefined && { timeScale }),
    });
    await this.#serveControl(book.list('run/control').port, site);
    await this.#run.start();
    if (this.#options.watch) this.#closers.push(watchProject(project, (changed) => this.#changed(changed)));
    this.events.emit('run', 'run', 'ready');
  }

  /** Shared by all environments of the folder; it goes with the folder. */
  get #compileCache(): string {
    return join(this.stateRoot, 'compile-cache');
  }

  get run(): Run {
    if (!this.#run) throw new Error('the run has not begun');
    return this.#run;
  }

  state(): RunReport {
    return this.run.report(this.#addresses);
  }

  /** Stops everything in order; with `kill`, also while that is under way, ends what is left at once. */
  async end(how: 'stop' | 'kill' = 'stop'): Promise<void> {
    if (how === 'kill' && this.#ending) return this.#leave('kill');
    this.#ending ??= this.#end(how);
    await this.#ending;
  }

  async #end(how: 'stop' | 'kill'): Promise<void> {
    this.events.emit('run', 'run', 'stopping');
    for (const close of this.#closers.splice(0)) await close();
    try {
      if (how === 'stop') await this.#run?.stop();
    } finally {
      await this.#leave(how);
    }
  }

  async #leave(how: 'stop' | 'kill'): Promise<void> {
    await this.#processes?.close(how);
    release(this.stateRoot);
    this.#resolveEnded();
  }

  async #synthesize(folder: string): Promise<Assembly> {
    const { project, environment } = this.#options;
    const began = performance.now();
    const outdir = join(this.stateDir, folder);
    await (this.#options.synthesize ?? synthesize)({
      project,
      environment,
      outdir,
      compileCache: this.#compileCache,
    });
    const assembly = readAssembly(outdir);
    const resources = assembly.stacks.reduce(
      (sum, { template }) => sum + Object.keys(template.Resources ?? {}).length,
      0,
    );
    this.events.emit('run', 'run', 'synthesized', {
      ms: Math.round(performance.now() - began),
      stacks: assembly.stacks.length,
      resources,
    });
    return assembly;
  }

  async #serveControl(port: number, site: string): Promise<void> {
    const token = randomBytes(24).toString('base64url');
    const run = this.run;
    const controlled: Controlled = {
      events: this.events,
      state: () => this.state(),
      startResource: (region, id) => run.startResource(region, id),
      stopResource: (region, id) => run.stopResource(region, id),
      stopUnit: (region, id, unit) => run.stopUnit(region, id, unit),
      startRegion: (region) => run.startRegion(region),
      stopRegion: (region) => run.stopRegion(region),
      end: () => void this.end(),
    };
    this.#closers.push(await serveControl(controlled, { port, token }));
    const control = `http://127.0.0.1:${port}`;
    this.#addresses = { site, viewer: `${site}/__local/viewer`, control };
    this.#say({ address: control, token, site });
  }

  #say(more: Partial<RunFile>): void {
    this.#file = { ...this.#file, ...more };
    publish(this.stateRoot, this.#file);
  }

  #rebuild: Promise<void> | undefined;
  /** A file that changed while a build was under way. */
  #again: string | undefined;
  #builds = 0;

  /** Builds again after a change; changes that come meanwhile are built once more afterwards. */
  #changed(file: string): void {
    if (this.#ending) return;
    if (this.#rebuild) {
      this.#again = file;
      return;
    }
    this.events.emit('run', 'run', 'changed', { file });
    this.#rebuild = this.#build().finally(() => {
      this.#rebuild = undefined;
      const later = this.#again;
      this.#again = undefined;
      if (later !== undefined) this.#changed(later);
    });
  }

  async #build(): Promise<void> {
    this.#builds += 1;
    const folder = `cdk.out.${this.#builds}`;
    try {
      const assembly = reuseAssets(await this.#synthesize(folder), this.#assembly!);
      const outcome = await this.run.adopt(assembly);
      if ('refused' in outcome) {
        this.events.emit('run', 'run', 'restart needed', { reason: outcome.refused });
        return;
      }
      this.#assembly = assembly;
      this.events.emit('run', 'run', 'restarted', { resources: outcome.restarted });
    } catch (error) {
      this.events.emit('run', 'run', 'build failed', { reason: (error as Error).message });
    }
  }
}

/** Empties a folder whose files have grown beyond a number of bytes. */
function boundFolder(folder: string, bytes: number): void {
  if (!existsSync(folder)) return;
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const size = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  if (size > bytes) rmSync(folder, { recursive: true, force: true });
}

/** Points unchanged assets to the folder that runs already and removes their new copy. */
function reuseAssets(next: Assembly, before: Assembly): Assembly {
  const assets = new Map(next.assets);
  for (const [hash, copy] of next.assets) {
    const known = before.assets.get(hash);
    if (known === undefined) continue;
    assets.set(hash, known);
    rmSync(copy, { recursive: true, force: true });
  }
  return { ...next, assets };
}
