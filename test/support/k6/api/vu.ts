/** The thread's side of a VU: where it stands, and its way to the run. */

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import {
  type Answered,
  cells,
  type HttpAnswer,
  type HttpCall,
  type Place,
  type Said,
  type ThreadData,
} from '../messages.ts';
import type { Tags } from '../metrics.ts';

// Taken before the sandbox closes: a script must not find them.
const wait = Atomics.wait;
const load = Atomics.load;
const store = Atomics.store;
const port = parentPort!;

/** Ends an iteration whose time is over. Scripts see an error like any other, and the next call throws it again. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted');
  }
}

class Vu {
  readonly data = workerData as ThreadData;
  phase: 'init' | 'run' = 'init';
  place: Place = { iteration: 0, env: {}, tags: {}, group: '', testStart: 0 };
  group = '';
  /** Tags that the script sets for all that this VU measures. */
  tags: Record<string, string> = {};
  #samples: { metric: string; value: number; tags: Tags }[] = [];

  get interrupted(): boolean {
    return load(this.data.cells, cells.interrupted) === 1;
  }

  begin(place: Place): void {
    this.place = place;
    this.group = place.group;
    const globals = globalThis as Record<string, unknown>;
    globals['__ITER'] = place.iteration;
    globals['__ENV'] = { ...this.data.env, ...place.env };
  }

  say(message: Said): void {
    port.postMessage(message);
  }

  /** Ends the whole run: what the harness does not know must not look like a result. */
  refuse(what: string): never {
    this.say({ kind: 'refused', what });
    throw new Error(`this harness does not know ${what}`);
  }

  add(metric: string, value: number, tags: Tags = {}): void {
    this.#samples.push({ metric, value, tags: { ...this.currentTags(), ...tags } });
  }

  currentTags(): Tags {
    const { scenario, tags } = this.place;
    return { ...tags, ...this.tags, ...(scenario && { scenario: scenario.name }), group: this.group };
  }

  flush(): void {
    if (this.#samples.length === 0) return;
    this.say({ kind: 'samples', samples: this.#samples });
    this.#samples = [];
  }

  sleep(ms: number): void {
    this.flush();
    // Setup makes things, which takes as long as it takes.
    const scale = this.place.scenario ? this.data.timeScale : 1;
    wait(this.data.cells, cells.interrupted, 0, ms / scale);
    if (this.interrupted) throw new Interrupted();
  }

  /** Asks the run and stands still until it answers. */
  call(call: HttpCall): readonly HttpAnswer[] {
    if (this.phase === 'init') throw new Error('requests can be made in functions only, not while loading');
    this.flush();
    if (this.interrupted) throw new Interrupted();
    this.data.calls.postMessage(call);
    wait(this.data.cells, cells.answered, 0);
    store(this.data.cells, cells.answered, 0);
    const answered = receiveMessageOnPort(this.data.calls)!.message as Answered;
    if ('interrupted' in answered) throw new Interrupted();
    return answered.answers;
  }
}

export const vu = new Vu();

/** An object of the API: what it does not have is refused instead of being undefined. */
export function only<T extends object>(name: string, members: T): T {
  return new Proxy(members, {
    get(target, key, receiver) {
      if (typeof key === 'string' && !(key in target) && key !== 'then' && key !== 'toJSON') {
        return vu.refuse(`${name}.${key}`);
      }
      return Reflect.get(target, key, receiver);
    },
  });
}
