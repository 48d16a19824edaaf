/**
 * The interface of a local resource: one module per resource type under `local/resources/`, registered in
 * `local/resources/index.ts`. A module answers two questions: what Ref and GetAtt give (`identify`, before
 * anything runs), and what runs (`run`, in the order of the template's dependencies).
 */

import type { AddressBook } from './address-book.ts';
import type { Clock } from './clock.ts';
import type { EventLog } from './events.ts';
import type { Host } from './host-client.ts';
import type { Processes } from './processes.ts';

/** One resource as a template declares it. */
export interface Declared {
  /** Id of the stack inside the stage, as `eu-west-1-data`. */
  readonly stack: string;
  /** Physical stack name, as `meridian-local-eu-west-1-data`. */
  readonly stackName: string;
  readonly region: string;
  readonly logicalId: string;
  readonly type: string;
  /** Properties with intrinsics untouched: what is never resolved can never fail. */
  readonly raw: Readonly<Record<string, unknown>>;
  /**
   * A property with every intrinsic in it resolved; undefined when absent.
   * @throws Error naming stack, resource and property when something in it has no meaning.
   */
  resolve<T>(property: string): T | undefined;
  /** As `resolve`, but absence is an error too. */
  require<T>(property: string): T;
  /** Folder of the file asset that a property (`Code`, or a container's `Image`) names. */
  asset(property: string): string;
}

/** What other resources see of one. */
export interface Identity {
  readonly ref: string;
  /** Values of Fn::GetAtt; an attribute not listed here is an error where it is asked for. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** One process or server of a resource, as the control interface lists it. */
export interface Unit {
  /** Unique within the resource, as `0`. */
  readonly id: string;
  readonly state: 'starting' | 'running' | 'stopped' | 'failed';
  readonly pid?: number;
  /** Where it listens, as `127.0.0.1:40123`. */
  readonly address?: string;
}

/** A resource while the run lasts. */
export interface Activity {
  /** Resolves when the resource does its work: a server listens, a database accepts, a trigger has succeeded. */
  start(): Promise<void>;
  /** Ends everything it started. Safe to call twice; `start` may follow. */
  stop(): Promise<void>;
  /**
   * Takes over what `declared` says by now (`start` reads it anew) without an outage, as a rolling deployment
   * does. @default stop, then start
   */
  update?(): Promise<void>;
  units?(): readonly Unit[];
  /** Ends one unit as an operator or a fault would; what the template keeps up comes back by itself. */
  stopUnit?(id: string): Promise<void>;
  /**
   * State that the control interface shows beside the units, as `{ role: 'writer', lagMs: 3 }`. The key `connect`
   * holds what a person gives to a client, by name: `{ cache: 'redis://127.0.0.1:40007' }`.
   */
  describe?(): Readonly<Record<string, unknown>>;
}

export interface ResourceModule<A extends Activity = Activity> {
  /** CloudFormation type, as `AWS::SQS::Queue`. */
  readonly type: string;
  /**
   * Belongs to no region whatever stack declares it (Route 53, CloudFront): it runs in the edge's host, and a
   * region that is stopped leaves it running. @default false
   */
  readonly global?: boolean;
  identify(declared: Declared, site: Naming): Identity;
  /** Absent for a type that only has a name here. */
  run?(declared: Declared, site: Site): A;
}

/** What names are made from: part of a run, and all that a reader of templates without a run has to bring. */
export interface Naming {
  readonly account: string;
  readonly book: Pick<AddressBook, 'list' | 'alias'>;
  /** Value of a secret by name or ARN, as `{{resolve:secretsmanager:…}}` reads it. */
  secret(nameOrArn: string): string;
}

/** What a module may use of the run. */
export interface Site extends Naming {
  readonly environment: string;
  /** Regions of the assembly, the first stack's first. */
  readonly regions: readonly string[];
  /** Folder that keeps data over a restart; `processes.dataDir` gives one per resource. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly book: AddressBook;
  readonly events: EventLog;
  readonly processes: Processes;
  /** The process that holds a region's fronts; `edge` is that of CloudFront and Route 53. */
  host(region: string): Host;
  /** Variables that the local run adds for a task or function of a region (contract/local.ts). */
  localVariables(region: string): Readonly<Record<string, string>>;
  /** The running activity behind what Ref (or an ARN attribute) gives, in any region. Throws when there is none. */
  peer<A extends Activity>(ref: string): A;
  /**
   * What a template declares under a Ref (or an ARN attribute): a definition that does not run by itself, as a task
   * definition or a cache policy. Throws when there is none.
   */
  declared(ref: string): Declared;
  /** Activities of one type, in template order, with what declares them. */
  all<A extends Activity>(type: string): readonly { readonly declared: Declared; readonly activity: A }[];
}
