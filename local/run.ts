/**
 * The run: every resource of an assembly that has a meaning on this machine, started in the order in which
 * CloudFormation would make them. Says what happens only through its event stream.
 */

import type { AddressBook } from './address-book.ts';
import type { Assembly, AssemblyStack } from './assembly.ts';
import { Clock } from './clock.ts';
import type { EventLog } from './events.ts';
import { HostProcess } from './host-process.ts';
import { TemplateError } from './intrinsics.ts';
import { logFile } from './logs.ts';
import { suggestion } from './nearest.ts';
import { inOrder, prerequisites } from './order.ts';
import type { ProcessTable } from './process-table.ts';
import { Resolver } from './resolver.ts';
import type { Activity, Declared, Identity, ResourceModule, Site } from './resource.ts';
import { SecretStore } from './secrets.ts';
import { edge, type ResourceState, type RunReport } from './state.ts';
import { localVariables } from './variables.ts';

/** Longest that the end of one resource may take, milliseconds; its processes are killed afterwards. */
const longestStopMs = 20_000;

export interface RunOptions {
  readonly environment: string;
  readonly assembly: Assembly;
  readonly modules: readonly ResourceModule[];
  /** Folder that keeps this environment's state. */
  readonly stateDir: string;
  readonly book: AddressBook;
  readonly processes: ProcessTable;
  readonly events: EventLog;
  /** @default 1 */
  readonly timeScale?: number;
}

/** A resource that runs, with the activity that is it. */
class Running {
  readonly key: string;
  readonly declared: Declared;
  readonly module: ResourceModule;
  state: ResourceState = 'waiting';
  reason: string | undefined;
  activity: Activity | undefined;
  /** Starts and stops of one resource never overlap. */
  turn: Promise<void> | undefined;

  constructor(declared: Declared, module: ResourceModule) {
    this.key = keyOf(declared);
    this.declared = declared;
    this.module = module;
  }

  /** Whether the loss of a region takes it away; what belongs to none goes with the edge. */
  in(region: string): boolean {
    return this.module.global ? region === edge : this.declared.region === region;
  }
}

export class Run {
  readonly events: EventLog;
  readonly regions: readonly string[];
  readonly startedAt = new Date().toISOString();
  readonly resolver: Resolver;
  readonly #options: RunOptions;
  readonly #account: string;
  readonly #clock: Clock;
  readonly #secrets: SecretStore;
  readonly #hosts: ReadonlyMap<string, HostProcess>;
  readonly #sites = new Map<string, Site>();
  #running: ReadonlyMap<string, Running> = new Map();
  #names: ReadonlyMap<string, readonly Declared[]> | undefined;
  #assembly: Assembly;
  #phase: RunReport['phase'] = 'starting';

  constructor(options: RunOptions) {
    const { assembly, processes, book, stateDir, modules, timeScale = 1 } = options;
    const [first] = assembly.stacks;
    if (!first) throw new Error(`environment '${options.environment}' has no stacks`);
    this.#options = options;
    this.events = options.events;
    this.#assembly = assembly;
    this.#account = first.account;
    this.#clock = new Clock(timeScale);
    this.#secrets = new SecretStore(stateDir);
    this.regions = [...new Set(assembly.stacks.map((stack) => stack.region))];
    this.#hosts = new Map(
      [...this.regions, edge].map((region) => {
        const log = (partId: string, line: string) =>
          processes.logs.line(logFile(stateDir, region, partId), `${new Date().toISOString()} ${line}`);
        return [region, new HostProcess({ region, processes, book, events: this.events, log })];
      }),
    );
    this.resolver = new Resolver(assembly, { modules, site: (region) => this.site(region) });
    this.#adoptResources();
  }

  /**
   * Starts everything; resolves when all of it does its work.
   * @throws Error naming stack and resource of the first that failed; call `stop` afterwards.
   */
  async start(): Promise<void> {
    // A host that cannot start is reported by the first part that wants it.
    const hosts = [...this.#hosts.values()].map((host) => host.start());
    for (const started of hosts) started.catch(() => {});
    await inOrder(this.#stackOrder(), async (id) => {
      const began = performance.now();
      const stack = this.#stack(id);
      await this.#startAll(stack, () => true);
      const resources = this.#of(stack).length;
      this.events.emit(stack.region, id, 'stack started', { ms: elapsed(began), resources });
    });
    await Promise.all(hosts);
    this.#phase = 'ready';
  }

  /** Stops everything in the reverse order; never throws, since what is left is killed with the processes. */
  async stop(): Promise<void> {
    this.#phase = 'stopping';
    await inOrder(reversed(this.#stackOrder()), async (id) => {
      const stack = this.#stack(id);
      await inOrder(reversed(this.#order(stack)), async (logicalId) => {
        await this.#stop(this.#running.get(`${id}/${logicalId}`)!);
      });
    });
    await Promise.all([...this.#hosts.values()].map((host) => host.stop()));
  }

  /** Ends the processes of a region as its loss would: without a goodbye. CloudFront and Route 53 go on. */
  async stopRegion(region: string): Promise<void> {
    const host = this.#host(region);
    const lost = [...this.#running.values()].filter((one) => one.in(region));
    // Each activity knows first that its end is meant, so that none brings back what dies now.
    const ends = lost.map((one) => this.#stop(one));
    await Promise.all([host.stop(), this.#options.processes.killRegion(region)]);
    await Promise.all(ends);
    this.events.emit(region, 'run', 'region stopped');
  }

  /** Brings a region back, in the template's order; what runs already is left alone. */
  async startRegion(region: string): Promise<void> {
    await this.#host(region).start();
    await inOrder(this.#stackOrder(), (id) =>
      this.#startAll(this.#stack(id), (one) => one.in(region) && one.state !== 'running'),
    );
    this.events.emit(region, 'run', 'region started');
  }

  async startResource(region: string, logicalId: string): Promise<void> {
    await this.#start(this.#find(region, logicalId));
  }

  async stopResource(region: string, logicalId: string): Promise<void> {
    await this.#stop(this.#find(region, logicalId));
  }

  async stopUnit(region: string, logicalId: string, unit: string): Promise<void> {
    const { activity, declared } = this.#find(region, logicalId);
    const units = activity?.units?.() ?? [];
    if (!activity?.stopUnit || !units.some(({ id }) => id === unit)) {
      const known = units.map(({ id }) => id).join(', ') || 'none';
      throw new Error(`got unit '${unit}' of ${declared.logicalId}, expected one of: ${known}`);
    }
    await activity.stopUnit(unit);
  }

  /**
   * Takes a newer assembly: restarts what changed, and only that.
   * @returns what was restarted, or a sentence that says why the whole run must be
   */
  async adopt(assembly: Assembly): Promise<{ restarted: readonly string[] } | { refused: string }> {
    const before = new Map([...this.#running].map(([key, { declared }]) => [key, this.#print(declared)]));
    const refused = this.#structuralChange(assembly);
    if (refused) return { refused };
    this.#assembly = assembly;
    this.resolver.adopt(assembly);
    this.#adoptResources();
    const changed = [...this.#running].filter(
      ([key, { declared }]) => before.get(key) !== this.#print(declared),
    );
    const keys = new Set(changed.map(([key]) => key));
    await inOrder(this.#stackOrder(), (id) => {
      const stack = this.#stack(id);
      const order = this.#order(stack);
      return inOrder(order, async (logicalId) => {
        const one = this.#running.get(`${id}/${logicalId}`)!;
        if (keys.has(one.key)) await this.#replace(one);
      });
    });
    return { restarted: changed.map(([, { declared }]) => `${declared.region}/${declared.logicalId}`) };
  }

  report(addresses: RunReport['addresses']): RunReport {
    const { environment, stateDir, book } = this.#options;
    return {
      environment,
      account: this.#account,
      phase: this.#phase,
      startedAt: this.startedAt,
      regions: this.regions,
      timeScale: this.#clock.scale,
      addresses,
      hosts: [...this.#hosts.values()].map(({ region, alive, pid }) => ({ region, alive, pid })),
      resources: [...this.#running.values()].map(({ declared, module, state, reason, activity }) => ({
        stack: declared.stack,
        region: declared.region,
        logicalId: declared.logicalId,
        type: declared.type,
        global: module.global ?? false,
        state,
        ...(reason !== undefined && { reason }),
        units: activity?.units?.() ?? [],
        describe: activity?.describe?.() ?? {},
      })),
      endpoints: Object.fromEntries(this.regions.map((region) => [region, this.#endpoints(region)])),
      leftOut: this.leftOut(),
      listeners: Object.fromEntries(
        Object.entries(book.snapshot()).map(([name, { host, port }]) => [name, `${host}:${port}`]),
      ),
      stateDir,
      lastEvent: this.events.last,
    };
  }

  /** Types that only have a name here, with how many resources have them. */
  leftOut(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { type } of this.resolver.declared()) {
      if (this.resolver.module(type)?.run || type === 'AWS::CDK::Metadata') continue;
      counts[type] = (counts[type] ?? 0) + 1;
    }
    return counts;
  }

  /** What a person gives to clients of a region's parts. */
  #endpoints(region: string): Record<string, string> {
    const { AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL_SNS, AWS_ENDPOINT_URL_S3 } = localVariables(
      this.#options,
      region,
    );
    const own = [...this.#running.values()].filter((one) => one.in(region));
    return {
      ...Object.assign({}, ...own.map(({ activity }) => activity?.describe?.()['connect'])),
      ...(own.length > 0 && {
        sqs: AWS_ENDPOINT_URL_SQS,
        sns: AWS_ENDPOINT_URL_SNS,
        s3: AWS_ENDPOINT_URL_S3,
      }),
    };
  }

  /** What a module may use of the run. A name that several regions have means the site's own first. */
  site(region: string): Site {
    const known = this.#sites.get(region);
    if (known) return known;
    const { environment, stateDir, book, processes } = this.#options;
    const site: Site = {
      environment,
      account: this.#account,
      regions: this.regions,
      stateDir,
      clock: this.#clock,
      book,
      events: this.events,
      processes,
      host: (name) => this.#host(name),
      localVariables: (name) => ({ ...localVariables({ book }, name) }),
      peer: <A extends Activity>(ref: string) => this.#peer(ref, region) as A,
      declared: (ref) => this.#named(ref, region, () => true),
      all: <A extends Activity>(type: string) =>
        [...this.#running.values()]
          .filter(({ declared }) => declared.type === type)
          .map((one) => ({ declared: one.declared, activity: this.#activity(one) as A })),
      secret: (nameOrArn) => this.#secrets.value(nameOrArn),
    };
    this.#sites.set(region, site);
    return site;
  }

  #host(region: string): HostProcess {
    const host = this.#hosts.get(region);
    if (host) return host;
    throw new Error(`got region '${region}', expected one of: ${[...this.#hosts.keys()].join(', ')}`);
  }

  #stack(id: string): AssemblyStack {
    return this.#assembly.stacks.find((stack) => stack.id === id)!;
  }

  #of(stack: AssemblyStack): readonly Running[] {
    return [...this.#running.values()].filter(({ declared }) => declared.stack === stack.id);
  }

  #stackOrder(): Map<string, readonly string[]> {
    return new Map(this.#assembly.stacks.map(({ id, dependencies }) => [id, dependencies]));
  }

  #order(stack: AssemblyStack): Map<string, ReadonlySet<string>> {
    try {
      return prerequisites(stack.template, (id) => this.#running.has(`${stack.id}/${id}`));
    } catch (error) {
      throw new TemplateError(stack.id, [], (error as Error).message);
    }
  }

  #startAll(stack: AssemblyStack, which: (one: Running) => boolean): Promise<void> {
    return inOrder(this.#order(stack), async (logicalId) => {
      const one = this.#running.get(`${stack.id}/${logicalId}`)!;
      if (which(one)) await this.#start(one);
    });
  }

  #adoptResources(): void {
    const running = this.resolver.declared().flatMap((declared) => {
      const module = this.resolver.module(declared.type);
      if (!module?.run) return [];
      const known = this.#running.get(keyOf(declared));
      return [known ?? new Running(declared, module)];
    });
    this.#running = new Map(running.map((one) => [one.key, one]));
    this.#names = undefined;
  }

  #activity(one: Running): Activity {
    one.activity ??= one.module.run!(one.declared, this.site(one.declared.region));
    return one.activity;
  }

  #peer(ref: string, region: string): Activity {
    const named = this.#named(ref, region, (declared) => this.#running.has(keyOf(declared)));
    return this.#activity(this.#running.get(keyOf(named))!);
  }

  /** The one resource that a name or ARN means for a region: of several, that region's own. */
  #named(ref: string, region: string, wanted: (declared: Declared) => boolean): Declared {
    this.#names ??= this.#index();
    const found = (this.#names.get(ref) ?? []).filter(wanted);
    const [one, another] = found.length > 1 ? found.filter((each) => each.region === region) : found;
    if (one && !another) return one;
    if (found.length === 0) throw new Error(`nothing that runs here has the name or ARN '${ref}'`);
    throw new Error(`'${ref}' may be any of ${found.map(keyOf).join(', ')}: expected an ARN`);
  }

  /** Names and ARNs of everything that has one. */
  #index(): ReadonlyMap<string, readonly Declared[]> {
    const index = new Map<string, Declared[]>();
    for (const declared of this.resolver.declared()) {
      const identity = this.#identity(declared);
      if (!identity) continue;
      const arns = Object.values(identity.attributes).filter((value) => value.startsWith('arn:'));
      for (const name of new Set([identity.ref, ...arns])) {
        index.set(name, [...(index.get(name) ?? []), declared]);
      }
    }
    return index;
  }

  /** What a resource is called; undefined where it has no meaning here and does not run either. */
  #identity(declared: Declared): Identity | undefined {
    if (this.#running.has(keyOf(declared))) return this.resolver.identity(declared);
    try {
      return this.resolver.identity(declared);
    } catch {
      return undefined;
    }
  }

  /** A resource by region and logical id, or by a beginning of it that only one has. */
  #find(region: string, logicalId: string): Running {
    this.#host(region);
    const here = [...this.#running.values()].filter(
      (one) => one.declared.region === region || one.in(region),
    );
    const exact = here.filter(({ declared, key }) => declared.logicalId === logicalId || key === logicalId);
    const wanted = logicalId.toLowerCase();
    const found =
      exact.length > 0
        ? exact
        : here.filter(({ declared }) => declared.logicalId.toLowerCase().startsWith(wanted));
    const [one, another] = found;
    if (one && !another) return one;
    if (one) {
      throw new Error(`got '${logicalId}', expected one of: ${found.map(({ key }) => key).join(', ')}`);
    }
    const ids = here.map(({ declared }) => declared.logicalId);
    throw new Error(
      `got '${logicalId}', expected a resource that runs in ${region}${suggestion(logicalId, ids)}: ${ids.join(', ') || 'none'}`,
    );
  }

  #start(one: Running): Promise<void> {
    return this.#inTurn(one, async () => {
      if (one.state === 'running') return;
      if (this.#phase === 'stopping') throw new Error('the run is stopping');
      const began = performance.now();
      one.state = 'starting';
      one.reason = undefined;
      try {
        await this.#activity(one).start();
        one.state = 'running';
        this.events.emit(one.declared.region, one.declared.logicalId, 'started', { ms: elapsed(began) });
      } catch (error) {
        throw this.#failed(one, error as Error);
      }
    });
  }

  async #stop(one: Running): Promise<void> {
    if (one.state === 'starting' && this.#phase === 'stopping') {
      // What is still starting may wait for something that never comes: its end is not put off until then.
      await bounded(one.activity!.stop(), longestStopMs).catch(() => {});
    }
    await this.#inTurn(one, async () => {
      if (!one.activity || one.state === 'stopped' || one.state === 'waiting') return;
      one.state = 'stopping';
      try {
        await bounded(one.activity.stop(), longestStopMs);
        one.reason = undefined;
      } catch (error) {
        // A process that would not end, or a host that was lost: the resource is as good as stopped.
        one.reason = (error as Error).message;
      }
      one.state = 'stopped';
      this.events.emit(
        one.declared.region,
        one.declared.logicalId,
        'stopped',
        one.reason === undefined ? undefined : { reason: one.reason },
      );
    });
  }

  async #replace(one: Running): Promise<void> {
    if (one.state !== 'running' && one.state !== 'failed') return;
    if (one.state === 'failed' || !one.activity?.update) {
      await this.#stop(one);
      await this.#start(one);
      return;
    }
    const { region, logicalId } = one.declared;
    await this.#inTurn(one, async () => {
      try {
        await one.activity!.update!();
        this.events.emit(region, logicalId, 'updated');
      } catch (error) {
        // What ran before goes on.
        this.events.emit(region, logicalId, 'update failed', { reason: (error as Error).message });
        throw error;
      }
    });
  }

  /** Notes a failure and gives the sentence that a person reads. */
  #failed(one: Running, error: Error): Error {
    const { stack, region, logicalId, type } = one.declared;
    one.state = 'failed';
    one.reason = error.message;
    this.events.emit(region, logicalId, 'failed', { reason: error.message });
    if (error instanceof TemplateError) return error;
    const seeLog = `npx meridian logs ${region} ${logicalId}`;
    const hint = error.message.includes(seeLog) ? '' : ` (${seeLog} may show more)`;
    return new Error(`${stack}, ${logicalId} (${type}) did not start: ${error.message}${hint}`, {
      cause: error,
    });
  }

  /** Runs a change of one resource after the one before it; at once, in the same tick, when there is none. */
  #inTurn(one: Running, change: () => Promise<void>): Promise<void> {
    const before = one.turn;
    const turn = before ? before.catch(() => {}).then(change) : change();
    one.turn = turn;
    const done = () => {
      if (one.turn === turn) one.turn = undefined;
    };
    turn.then(done, done);
    return turn;
  }

  /** What decides how a resource runs, or the reason why that cannot be said. */
  #print(declared: Declared): string {
    try {
      return this.resolver.fingerprint(declared);
    } catch (error) {
      return (error as Error).message;
    }
  }

  #structuralChange(assembly: Assembly): string | undefined {
    const shape = ({ stacks }: Assembly) =>
      stacks.flatMap(({ id, template }) =>
        Object.entries(template.Resources ?? {})
          .filter(([, { Type }]) => this.resolver.module(Type)?.run)
          .map(([logicalId, { Type }]) => `${id}/${logicalId} (${Type})`),
      );
    const before = new Set(shape(this.#assembly));
    const after = new Set(shape(assembly));
    const added = [...after.difference(before)];
    const removed = [...before.difference(after)];
    if (added.length + removed.length === 0) return undefined;
    const changes = [...added.map((one) => `+ ${one}`), ...removed.map((one) => `- ${one}`)];
    return `the template has other resources now; start again to run them:\n  ${changes.join('\n  ')}`;
  }
}

const keyOf = ({ stack, logicalId }: Declared): string => `${stack}/${logicalId}`;

function reversed(order: ReadonlyMap<string, Iterable<string>>): Map<string, string[]> {
  const back = new Map<string, string[]>([...order.keys()].map((key) => [key, []]));
  for (const [key, before] of order) for (const one of before) back.get(one)?.push(key);
  return back;
}

const elapsed = (since: number): number => Math.round(performance.now() - since);

async function bounded(promise: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`did not stop within ${ms / 1000} s`)), ms);
  });
  await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
