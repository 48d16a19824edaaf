/**
 * AWS::ECS::Service: keeps the wanted number of tasks running, as processes of the image's own folder, and puts
 * them into the target group. After "Amazon ECS services" and "How the Amazon ECS deployment circuit breaker
 * detects failures" (Amazon ECS developer guide).
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { arnOf, physicalName } from '../arn.ts';
import { lastWords, logFile } from '../logs.ts';
import type { Managed } from '../processes.ts';
import type { Activity, Declared, ResourceModule, Site, Unit } from '../resource.ts';
import { type ContainerProcess, containerProcess } from './ecs-task-definition.ts';
import { minimumTasks } from './scalable-target.ts';
import type { TargetGroup } from './target-group.ts';

interface Task {
  /** Number of the task's place, and of its address. */
  readonly id: string;
  /** As the target group knows it: never the same for two processes. */
  readonly target: string;
  readonly port: number;
  readonly process: Managed;
  readonly startedAt: number;
  healthy: boolean;
  stopping: boolean;
}

/** Tasks in a row that end before they were healthy, until a deployment is given up. */
const failureThreshold = 3;

/** Pause before a task that failed is replaced, milliseconds: doubled each time up to the longest. */
const pauses = { first: 500, longest: 30_000 };

/** Longest wait for requests under way when the service itself is stopped; a rolling update waits them all out. */
const longestStopDrainMs = 5_000;

interface Waiter {
  readonly tasks: readonly Task[] | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Service implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;
  readonly #name: string;
  readonly #tasks = new Map<string, Task>();
  readonly #waiters = new Set<Waiter>();
  #container: ContainerProcess | undefined;
  #group: TargetGroup | undefined;
  #wanted = 0;
  #failures = 0;
  #unlisten: (() => void) | undefined;
  #timers = new Set<NodeJS.Timeout>();

  constructor(declared: Declared, site: Site, name: string) {
    this.#declared = declared;
    this.#site = site;
    this.#name = name;
  }

  async start(): Promise<void> {
    this.#read();
    this.#failures = 0;
    this.#unlisten ??= this.#group?.listen((target, health) => this.#healthChanged(target, health));
    this.#wanted = minimumTasks(this.#declared, this.#name, this.#site);
    const healthy = this.#whenHealthy();
    this.#fill();
    await healthy;
  }

  async stop(): Promise<void> {
    this.#wanted = 0;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#reject(new Error(`${this.#declared.logicalId} was stopped before its tasks were healthy`));
    await Promise.all([...this.#tasks.values()].map((task) => this.#retire(task, longestStopDrainMs)));
    this.#unlisten?.();
    this.#unlisten = undefined;
  }

  /** Rolling: new tasks first, the old ones leave when all of those are healthy; a failure leaves the old ones. */
  async update(): Promise<void> {
    const old = [...this.#tasks.values()];
    const before = this.#container;
    this.#read();
    this.#failures = 0;
    this.#wanted = minimumTasks(this.#declared, this.#name, this.#site);
    const fresh = Array.from({ length: this.#wanted }, () => this.#launch());
    try {
      await this.#whenHealthy(fresh);
    } catch (error) {
      this.#container = before;
      for (const task of fresh) task.stopping = true;
      this.#wanted = old.length;
      this.#fill();
      await Promise.all(fresh.map((task) => this.#retire(task, 0)));
      throw error;
    }
    await Promise.all(old.map((task) => this.#retire(task)));
  }

  units(): readonly Unit[] {
    return [...this.#tasks.values()].map(({ id, process, port, healthy, stopping }) => ({
      id,
      state: stopping ? 'stopped' : healthy ? 'running' : 'starting',
      pid: process.pid,
      address: `127.0.0.1:${port}`,
    }));
  }

  /** As the loss of a task: at once, without draining. */
  async stopUnit(id: string): Promise<void> {
    await this.#tasks.get(id)?.process.kill();
  }

  describe(): Readonly<Record<string, unknown>> {
    const tasks = [...this.#tasks.values()];
    return { wanted: this.#wanted, healthy: tasks.filter(({ healthy }) => healthy).length };
  }

  /** What the template says by now. */
  #read(): void {
    const [balanced] =
      this.#declared.resolve<{ ContainerName: string; TargetGroupArn: string }[]>('LoadBalancers') ?? [];
    const definition = this.#site.declared(this.#declared.require<string>('TaskDefinition'));
    this.#container = containerProcess(definition, balanced?.ContainerName, this.#site);
    this.#group = balanced && this.#site.peer<TargetGroup>(balanced.TargetGroupArn);
  }

  #fill(): void {
    const present = [...this.#tasks.values()].filter(({ stopping }) => !stopping).length;
    for (let missing = this.#wanted - present; missing > 0; missing--) this.#launch();
  }

  #launch(): Task {
    const { region, logicalId } = this.#declared;
    const { processes, book, events } = this.#site;
    const { folder, command, args, environment, stopMs } = this.#container!;
    let place = 0;
    while (this.#tasks.has(String(place))) place += 1;
    const id = String(place);
    const { port } = book.list(`${region}/${logicalId}/${id}`);
    const process = processes.spawn({
      region,
      resource: logicalId,
      unit: id,
      command,
      args,
      cwd: folder,
      env: { ...environment, PORT: String(port) },
      graceMs: stopMs,
    });
    const target = `${id}-${process.pid}`;
    const healthy = this.#group === undefined;
    const task: Task = { id, target, port, process, startedAt: Date.now(), healthy, stopping: false };
    this.#tasks.set(id, task);
    events.emit(region, logicalId, 'task started', { task: id, pid: process.pid });
    void process.exited.then(({ code, signal }) => this.#ended(task, code, signal));
    // A host that is away takes the new target when it returns.
    this.#group?.register(target, { host: '127.0.0.1', port }).catch(() => undefined);
    this.#settle();
    return task;
  }

  #ended(task: Task, code: number | null, signal: NodeJS.Signals | null): void {
    const { region, logicalId } = this.#declared;
    if (this.#tasks.get(task.id) === task) this.#tasks.delete(task.id);
    void this.#group?.deregister(task.target).catch(() => undefined);
    this.#site.events.emit(region, logicalId, 'task stopped', { task: task.id, code, signal });
    if (task.stopping || this.#wanted === 0) return;
    if (!task.healthy) {
      this.#failures += 1;
      const words = lastWords(logFile(this.#site.stateDir, region, logicalId, task.id));
      this.#giveUp(task, [signal ?? `exit code ${code}`, words].filter(Boolean).join(', '));
    }
    const pause = this.#failures === 0 ? 0 : pauses.first * 2 ** (this.#failures - 1);
    this.#later(Math.min(pauses.longest, pause), () => this.#fill());
  }

  #healthChanged(target: string, health: string): void {
    const task = [...this.#tasks.values()].find((one) => one.target === target);
    if (!task || task.stopping) return;
    if (health === 'healthy') {
      task.healthy = true;
      this.#failures = 0;
      this.#settle();
      return;
    }
    const graceSeconds = Number(this.#declared.resolve('HealthCheckGracePeriodSeconds') ?? 0);
    const graceMs = task.startedAt + this.#site.clock.ms(graceSeconds) - Date.now();
    this.#later(Math.max(0, graceMs), () => this.#replaceUnhealthy(task));
  }

  #replaceUnhealthy(task: Task): void {
    if (task.stopping || this.#group?.health(task.target) !== 'unhealthy') return;
    const { region, logicalId } = this.#declared;
    this.#site.events.emit(region, logicalId, 'task unhealthy', { task: task.id });
    void this.#retire(task);
    this.#fill();
  }

  /** Out of the target group, wait for its requests, SIGTERM, SIGKILL after the container's stop timeout. */
  async #retire(task: Task, longestDrainMs = Number.POSITIVE_INFINITY): Promise<void> {
    task.stopping = true;
    if (this.#group && task.process.running) {
      await this.#group.deregister(task.target).catch(() => undefined);
      const drained = this.#group.drained(task.target);
      const given = new AbortController();
      const late = Number.isFinite(longestDrainMs)
        ? sleep(longestDrainMs, undefined, { signal: given.signal }).catch(() => undefined)
        : drained;
      await Promise.race([drained, late, task.process.exited]);
      given.abort();
    }
    await task.process.stop();
  }

  /** Resolves when the given tasks are healthy, or else the wanted number of any. */
  #whenHealthy(tasks?: readonly Task[]): Promise<void> {
    const healthy = new Promise<void>((resolve, reject) => {
      this.#waiters.add({ tasks, resolve, reject });
    });
    this.#settle();
    return healthy;
  }

  #settle(): void {
    const healthy = [...this.#tasks.values()].filter((task) => task.healthy && !task.stopping);
    for (const waiter of this.#waiters) {
      const enough = waiter.tasks
        ? waiter.tasks.every((task) => task.healthy)
        : healthy.length >= this.#wanted;
      if (!enough) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** The circuit breaker: a task of an update may not fail once, those of a start not several times in a row. */
  #giveUp(task: Task, why: string): void {
    const { region, logicalId } = this.#declared;
    const seeLog = `npx meridian logs ${region} ${logicalId} shows why`;
    for (const waiter of this.#waiters) {
      if (waiter.tasks?.includes(task)) {
        waiter.reject(new Error(`a new task ended (${why}) before it was healthy; ${seeLog}`));
      } else if (!waiter.tasks && this.#failures >= failureThreshold) {
        this.#wanted = 0;
        waiter.reject(
          new Error(
            `${this.#failures} tasks in a row ended (the last: ${why}) before they were healthy; ${seeLog}`,
          ),
        );
      } else continue;
      this.#waiters.delete(waiter);
    }
  }

  #reject(error: Error): void {
    for (const { reject } of this.#waiters) reject(error);
    this.#waiters.clear();
  }

  #later(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
  }
}

export const service: ResourceModule<Service> = {
  type: 'AWS::ECS::Service',
  identify(declared, { account }) {
    const name = physicalName(declared, 'ServiceName');
    const cluster = declared.require<string>('Cluster');
    const arn = arnOf('ecs', declared.region, account, `service/${cluster}/${name}`);
    return { ref: arn, attributes: { Name: name, ServiceArn: arn } };
  },
  run: (declared, site) => new Service(declared, site, physicalName(declared, 'ServiceName')),
};
