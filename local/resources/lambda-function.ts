/** AWS::Lambda::Function: processes of the same zip folder, started when an event needs one. */

import { arnOf, physicalName } from '../arn.ts';
import { FunctionProcess, type InvokeResult } from '../function-process.ts';
import type { Activity, Declared, ResourceModule, Site, Unit } from '../resource.ts';

/** Executions at once without a reservation: what a new AWS account may have at least. */
const unreservedConcurrency = 10;

/** Seconds after which a process without events is ended, to give its memory back. */
const idleSeconds = 60;

/** What an event source or a trigger may ask of a function, a version or an alias. */
export interface Invokable extends Activity {
  /** Never rejects for what the function does: its errors are results. */
  invoke(event: unknown): Promise<InvokeResult>;
}

export class LambdaFunction implements Invokable {
  readonly #declared: Declared;
  readonly #site: Site;
  readonly #name: string;
  readonly #arn: string;
  readonly #processes = new Map<string, FunctionProcess>();
  readonly #reapers = new Map<FunctionProcess, NodeJS.Timeout>();
  /** Processes of replaced code that still serve an event. */
  readonly #outdated = new Set<FunctionProcess>();
  #started = false;

  constructor(declared: Declared, site: Site, name: string) {
    this.#declared = declared;
    this.#site = site;
    this.#name = name;
    this.#arn = arnOf('lambda', declared.region, site.account, `function:${name}`);
  }

  /** Nothing runs before the first event; what cannot be resolved shows now. */
  async start(): Promise<void> {
    this.#environment();
    this.#declared.asset('Code');
    this.#started = true;
  }

  async stop(): Promise<void> {
    this.#started = false;
    for (const timer of this.#reapers.values()) clearTimeout(timer);
    this.#reapers.clear();
    const ended = [...this.#processes.values(), ...this.#outdated].map((one) => one.end('kill'));
    await Promise.all(ended);
    this.#processes.clear();
  }

  /** New code serves the next event; events under way are finished by the old one. */
  async update(): Promise<void> {
    await this.start();
    for (const one of this.#processes.values()) {
      this.#processes.delete(one.id);
      if (one.idle) void one.end('stop');
      else this.#outdated.add(one);
    }
  }

  async invoke(event: unknown): Promise<InvokeResult> {
    if (!this.#started) return failure('ServiceException', `function ${this.#name} is stopped`);
    const limit = Number(this.#declared.resolve('ReservedConcurrentExecutions') ?? unreservedConcurrency);
    const idle = [...this.#processes.values()].find((one) => one.idle);
    const alive = [...this.#processes.values()].filter((one) => one.alive).length;
    if (!idle && alive >= limit) return failure('TooManyRequestsException', 'Rate Exceeded.');
    const one = idle ?? this.#launch();
    clearTimeout(this.#reapers.get(one));
    this.#reapers.delete(one);
    const seconds = Number(this.#declared.resolve('Timeout') ?? 3);
    const result = await one.invoke(event, this.#arn, this.#site.clock.ms(seconds));
    this.#rest(one);
    return result;
  }

  units(): readonly Unit[] {
    return [...this.#processes.values()].map(({ id, managed }) => ({
      id,
      state: managed.running ? 'running' : 'stopped',
      pid: managed.pid,
    }));
  }

  async stopUnit(id: string): Promise<void> {
    await this.#processes.get(id)?.end('kill');
  }

  #launch(): FunctionProcess {
    const { region, logicalId } = this.#declared;
    const folder = this.#declared.asset('Code');
    let place = 0;
    while (this.#processes.has(String(place))) place += 1;
    const one = new FunctionProcess(String(place), this.#site.processes, {
      region,
      resource: logicalId,
      cwd: folder,
      env: { ...this.#environment(), LAMBDA_TASK_ROOT: folder },
    });
    this.#processes.set(one.id, one);
    this.#site.events.emit(region, logicalId, 'function started', { pid: one.managed.pid });
    void one.managed.exited.then(() => {
      if (this.#processes.get(one.id) === one) this.#processes.delete(one.id);
    });
    return one;
  }

  #rest(one: FunctionProcess): void {
    if (this.#outdated.delete(one)) void one.end('stop');
    else if (this.#started && one.idle) {
      const end = () => {
        this.#reapers.delete(one);
        this.#processes.delete(one.id);
        void one.end('stop');
      };
      this.#reapers.set(one, setTimeout(end, this.#site.clock.ms(idleSeconds)).unref());
    }
  }

  #environment(): Record<string, string> {
    const declared = this.#declared;
    const variables = declared.resolve<Record<string, unknown>>('Environment.Variables') ?? {};
    return {
      ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)])),
      ...this.#site.localVariables(declared.region),
      AWS_LAMBDA_FUNCTION_NAME: this.#name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(declared.resolve('MemorySize') ?? 128),
      _HANDLER: declared.require<string>('Handler'),
    };
  }
}

const failure = (errorType: string, errorMessage: string): InvokeResult => ({
  ok: false,
  error: { errorType, errorMessage },
});

export const lambdaFunction: ResourceModule<LambdaFunction> = {
  type: 'AWS::Lambda::Function',
  identify(declared, { account }) {
    const name = physicalName(declared, 'FunctionName');
    return {
      ref: name,
      attributes: { Arn: arnOf('lambda', declared.region, account, `function:${name}`) },
    };
  },
  run: (declared, site) => new LambdaFunction(declared, site, physicalName(declared, 'FunctionName')),
};
