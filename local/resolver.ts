/**
 * Gives the templates of an assembly their values on this machine. Everything is lazy: a name is made when it is
 * asked for first, and what nothing that runs asks for is never resolved, so it can never fail.
 */

import type { Assembly, AssemblyStack, TemplateResource } from './assembly.ts';
import { identityOf } from './identities.ts';
import { evaluate, holds, intrinsic, references, type Scope, TemplateError } from './intrinsics.ts';
import { suggestion } from './nearest.ts';
import type { Declared, Identity, Naming, ResourceModule } from './resource.ts';

export interface ResolverOptions {
  readonly modules: readonly ResourceModule[];
  /** What names of a region are made from. */
  site(region: string): Naming;
}

export class Resolver {
  readonly #modules: ReadonlyMap<string, ResourceModule>;
  readonly #site: (region: string) => Naming;
  #assembly!: Assembly;
  #stacks!: ReadonlyMap<string, AssemblyStack>;
  readonly #declared = new Map<string, DeclaredResource>();
  readonly #identities = new Map<DeclaredResource, Identity>();
  readonly #resolving: DeclaredResource[] = [];

  constructor(assembly: Assembly, { modules, site }: ResolverOptions) {
    this.#modules = new Map(modules.map((module) => [module.type, module]));
    this.#site = site;
    this.adopt(assembly);
  }

  /** Takes a newer assembly of the same environment: what was declared before now says what the newer one says. */
  adopt(assembly: Assembly): void {
    this.#assembly = assembly;
    this.#stacks = new Map(assembly.stacks.map((stack) => [stack.id, stack]));
    this.#identities.clear();
    for (const [key, declared] of this.#declared) {
      if (!this.#exists(declared.stack, declared.logicalId)) this.#declared.delete(key);
    }
  }

  /** Every resource of the assembly, in template order; those whose condition does not hold are absent. */
  declared(): readonly Declared[] {
    return this.#assembly.stacks.flatMap((stack) =>
      Object.keys(stack.template.Resources ?? {}).flatMap((id) => this.#find(stack.id, id) ?? []),
    );
  }

  module(type: string): ResourceModule | undefined {
    return this.#modules.get(type);
  }

  /** What Ref and Fn::GetAtt give for a resource. Throws for a type that has no name here. */
  identity(declared: Declared): Identity {
    const resource = declared as DeclaredResource;
    const known = this.#identities.get(resource);
    if (known) return known;
    if (this.#resolving.includes(resource)) {
      const cycle = [...this.#resolving.slice(this.#resolving.indexOf(resource)), resource];
      throw new TemplateError(
        resource.place,
        [],
        `its name depends on itself: ${cycle.map(({ logicalId }) => logicalId).join(' → ')}`,
      );
    }
    this.#resolving.push(resource);
    try {
      const site = this.#site(resource.region);
      const module = this.#modules.get(resource.type);
      const identity = module ? module.identify(resource, site) : identityOf(resource, site.account);
      if (!identity) {
        throw new TemplateError(
          resource.place,
          [],
          `type ${resource.type} has no name on this machine: expected a module in local/resources/index.ts or an entry in local/identities.ts`,
        );
      }
      this.#identities.set(resource, identity);
      return identity;
    } finally {
      this.#resolving.pop();
    }
  }

  /** All that decides how a resource runs, as text: it changes when a change of the code must restart it. */
  fingerprint(declared: Declared): string {
    const parts: string[] = [];
    const seen = new Set<string>();
    const add = (resource: DeclaredResource): void => {
      if (seen.has(resource.logicalId)) return;
      seen.add(resource.logicalId);
      parts.push(JSON.stringify(resource.raw), ...resource.assetHashes());
      for (const id of references(resource.raw)) {
        const other = this.#find(resource.stack, id);
        // What runs by itself restarts by itself; a definition that only has a name restarts those that use it.
        if (other && !this.#modules.get(other.type)?.run) add(other);
      }
    };
    add(declared as DeclaredResource);
    return parts.join('\n');
  }

  /** The value of one of a stack's outputs. */
  output(stack: AssemblyStack, name: string): unknown {
    const outputs = stack.template.Outputs ?? {};
    const output = Object.hasOwn(outputs, name) ? outputs[name] : undefined;
    const scope = this.#scope(stack, `${stack.id}, Outputs`);
    const absent = output?.Condition && !holds({ Condition: output.Condition }, scope, [name]);
    if (!output || absent) {
      throw new Error(`output '${name}': none in stack ${stack.id}${suggestion(name, Object.keys(outputs))}`);
    }
    return evaluate(output.Value, scope, [name]);
  }

  #find(stackId: string, logicalId: string): DeclaredResource | undefined {
    const key = `${stackId}/${logicalId}`;
    const known = this.#declared.get(key);
    if (known || !this.#exists(stackId, logicalId)) return known;
    const declared = new DeclaredResource(
      this.#stacks.get(stackId)!,
      logicalId,
      () => this.#stacks.get(stackId)!.template.Resources![logicalId]!,
      (place) => this.#scope(this.#stacks.get(stackId)!, place),
      (secret, region) => this.#site(region).secret(secret),
      () => this.#assembly.assets,
    );
    this.#declared.set(key, declared);
    return declared;
  }

  #exists(stackId: string, logicalId: string): boolean {
    const stack = this.#stacks.get(stackId);
    const resources = stack?.template.Resources ?? {};
    const resource = Object.hasOwn(resources, logicalId) ? resources[logicalId] : undefined;
    if (!stack || !resource) return false;
    const scope = this.#scope(stack, `${stackId}, ${logicalId} (${resource.Type})`);
    return !resource.Condition || holds({ Condition: resource.Condition }, scope, ['Condition']);
  }

  #scope(stack: AssemblyStack, place: string): Scope {
    const { template, account, region, name } = stack;
    const { Parameters: parameters = {}, Conditions: conditions = {}, Mappings: mappings = {} } = template;
    const resources = Object.keys(template.Resources ?? {});
    const pseudo: Readonly<Record<string, unknown>> = {
      'AWS::AccountId': account,
      'AWS::Region': region,
      'AWS::StackName': name,
      'AWS::StackId': `arn:aws:cloudformation:${region}:${account}:stack/${name}/local`,
      'AWS::Partition': 'aws',
      'AWS::URLSuffix': 'amazonaws.com',
      'AWS::NotificationARNs': [],
      'AWS::NoValue': undefined,
    };
    const resource = (id: string, what: string): DeclaredResource => {
      const found = this.#find(stack.id, id);
      if (found) return found;
      throw new Error(`${what}: no such resource in stack ${stack.id}${suggestion(id, resources)}`);
    };
    return {
      place,
      ref: (id) => {
        if (Object.hasOwn(pseudo, id)) return pseudo[id];
        if (Object.hasOwn(parameters, id)) {
          const value = parameters[id]!.Default;
          if (value === undefined) throw new Error(`Ref '${id}': the parameter has no default`);
          return parameters[id]!.Type?.startsWith('List') ? String(value).split(',') : value;
        }
        return this.identity(resource(id, `Ref '${id}'`)).ref;
      },
      attribute: (id, attribute) => {
        const found = resource(id, `Fn::GetAtt '${id}.${attribute}'`);
        const { attributes } = this.identity(found);
        if (Object.hasOwn(attributes, attribute)) return attributes[attribute];
        throw new Error(
          `Fn::GetAtt '${id}.${attribute}': ${found.type} has no such attribute here${suggestion(attribute, Object.keys(attributes))}`,
        );
      },
      condition: (id) => {
        if (Object.hasOwn(conditions, id)) return conditions[id];
        throw new Error(
          `Condition '${id}': none in stack ${stack.id}${suggestion(id, Object.keys(conditions))}`,
        );
      },
      mapping: (map, top, second) => {
        const value = mappings[map]?.[top]?.[second];
        if (value !== undefined) return value;
        throw new Error(`Fn::FindInMap '${map}.${top}.${second}': no such entry in stack ${stack.id}`);
      },
      stackOutput: (stackName, where = region, output) => {
        const found = this.#assembly.stacks.find((one) => one.name === stackName && one.region === where);
        if (found) return this.output(found, output);
        const names = this.#assembly.stacks.map((one) => one.name);
        throw new Error(
          `Fn::GetStackOutput '${stackName}.${output}': no such stack in ${where}${suggestion(stackName, names)}`,
        );
      },
      importValue: (exported) => {
        for (const one of this.#assembly.stacks.filter((other) => other.region === region)) {
          for (const [id, { Export }] of Object.entries(one.template.Outputs ?? {})) {
            if (!Export) continue;
            const exportName = evaluate(Export.Name, this.#scope(one, `${one.id}, Outputs`), [id, 'Export']);
            if (exportName === exported) return this.output(one, id);
          }
        }
        throw new Error(`Fn::ImportValue '${exported}': no stack in ${region} exports it`);
      },
      zones: (where) => ['a', 'b', 'c'].map((zone) => `${where || region}${zone}`),
    };
  }
}

class DeclaredResource implements Declared {
  readonly stack: string;
  readonly stackName: string;
  readonly region: string;
  readonly logicalId: string;
  readonly type: string;
  readonly #template: () => TemplateResource;
  readonly #scope: (place: string) => Scope;
  readonly #secret: (nameOrArn: string, region: string) => string;
  readonly #assets: () => ReadonlyMap<string, string>;

  constructor(
    stack: AssemblyStack,
    logicalId: string,
    template: () => TemplateResource,
    scope: (place: string) => Scope,
    secret: (nameOrArn: string, region: string) => string,
    assets: () => ReadonlyMap<string, string>,
  ) {
    this.stack = stack.id;
    this.stackName = stack.name;
    this.region = stack.region;
    this.logicalId = logicalId;
    this.type = template().Type;
    this.#template = template;
    this.#scope = scope;
    this.#secret = secret;
    this.#assets = assets;
  }

  get place(): string {
    return `${this.stack}, ${this.logicalId} (${this.type})`;
  }

  get raw(): Readonly<Record<string, unknown>> {
    return this.#template().Properties ?? {};
  }

  resolve<T>(property: string): T | undefined {
    const scope = this.#scope(this.place);
    const path = ['Properties', ...property.split('.')];
    let value: unknown = this.raw;
    for (const [i, step] of path.slice(1).entries()) {
      if (typeof value === 'object' && value !== null && intrinsic(value)) {
        value = evaluate(value, scope, path.slice(0, i + 1));
      }
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
      value = (value as Record<string, unknown>)[step];
    }
    return this.#withSecrets(evaluate(value, scope, path), path) as T | undefined;
  }

  require<T>(property: string): T {
    const value = this.resolve<T>(property);
    if (value !== undefined) return value;
    throw new TemplateError(
      this.place,
      ['Properties', property],
      'got nothing, expected a value: the local run needs it',
    );
  }

  asset(property: string): string {
    const text = JSON.stringify(this.require(property));
    const assets = this.#assets();
    for (const [hash] of text.matchAll(contentHash)) {
      const folder = assets.get(hash);
      if (folder) return folder;
    }
    throw new TemplateError(
      this.place,
      ['Properties', property],
      `got ${text}, expected an asset of this assembly`,
    );
  }

  /** Hashes of the assembly's assets that the properties name. */
  assetHashes(): readonly string[] {
    const assets = this.#assets();
    return [...JSON.stringify(this.raw).matchAll(contentHash)]
      .map(([hash]) => hash)
      .filter((hash) => assets.has(hash));
  }

  /** Replaces `{{resolve:secretsmanager:ID:SecretString:KEY}}` in every string of a value. */
  #withSecrets(value: unknown, path: readonly string[]): unknown {
    if (Array.isArray(value)) return value.map((item, i) => this.#withSecrets(item, [...path, String(i)]));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, this.#withSecrets(item, [...path, key])]),
      );
    }
    if (typeof value !== 'string') return value;
    return value.replace(/\{\{resolve:([^}]*)\}\}/g, (reference, inner: string) => {
      const [, id, key] = /^secretsmanager:(.+?)(?::SecretString(?::([^:]*).*)?)?$/.exec(inner) ?? [];
      if (!id) throw new TemplateError(this.place, path, `the local run has no ${reference}`);
      let secret: string;
      try {
        secret = this.#secret(id, this.region);
      } catch (error) {
        throw new TemplateError(this.place, path, `${reference}: ${(error as Error).message}`);
      }
      if (!key) return secret;
      const field: unknown = JSON.parse(secret)[key];
      if (field === undefined) throw new TemplateError(this.place, path, `${reference}: no field '${key}'`);
      return String(field);
    });
  }
}

const contentHash = /[0-9a-f]{64}/g;
