/** Synthesizes an environment in this process, as `cdk synth` would, with empty code in place of the bundles. */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import type { Environment } from '../../config/environment.ts';
import { environments } from '../../config/environments.ts';
import { resolveEnvironment } from '../../config/validate.ts';
import type { Bundles } from '../../lib/bundle.ts';
import { gallery } from '../../lib/gallery.ts';
import { Meridian } from '../../lib/meridian.ts';
import { type Assembly, readAssembly, type TemplateResource } from '../../local/assembly.ts';

const root = join(import.meta.dirname, '../..');
const cdkJson: { context: Record<string, unknown> } = JSON.parse(
  readFileSync(join(root, 'cdk.json'), 'utf8'),
);

/** A template's resources by logical id. */
export type Resources = Readonly<Record<string, TemplateResource>>;

// biome-ignore lint/suspicious/noExplicitAny: a template is JSON of any shape; a wrong path fails the assertion.
export type Properties = Record<string, any>;

/** A resource, and where it is. */
export interface Placed {
  readonly stack: string;
  readonly region: string;
  readonly logicalId: string;
  readonly resource: TemplateResource;
}

/** An environment's synthesized templates. */
export class Synthesized {
  readonly app: App;
  readonly assembly: Assembly;
  /** Findings of packs of rules that no acknowledgement explains: the rule, and where. */
  readonly findings: readonly string[];

  constructor(app: App, assembly: Assembly, findings: readonly string[]) {
    this.app = app;
    this.assembly = assembly;
    this.findings = findings;
  }

  /** Ids of the stacks, as `eu-west-1-data`, in deployment order. */
  get ids(): string[] {
    return this.assembly.stacks.map((stack) => stack.id);
  }

  /** Resources of a stack. Throws for an id that does not exist. */
  resources(id: string): Resources {
    const stack = this.assembly.stacks.find((candidate) => candidate.id === id);
    if (!stack) throw new Error(`no stack '${id}', expected one of: ${this.ids.join(', ')}`);
    return stack.template.Resources ?? {};
  }

  /** Resources of a type in a stack: logical id and properties. */
  of(id: string, type: string): { readonly logicalId: string; readonly properties: Properties }[] {
    return Object.entries(this.resources(id))
      .filter(([, resource]) => resource.Type === type)
      .map(([logicalId, { Properties = {} }]) => ({ logicalId, properties: { ...Properties } }));
  }

  /** The one resource of a type in a stack. Throws when there is none or more than one. */
  the(id: string, type: string): Properties {
    const found = this.of(id, type);
    if (found.length !== 1) throw new Error(`got ${found.length} of ${type} in ${id}, expected one`);
    return found[0]!.properties;
  }

  /** Every resource of every stack. */
  all(): Placed[] {
    return this.assembly.stacks.flatMap((stack) =>
      Object.entries(stack.template.Resources ?? {}).map(([logicalId, resource]) => ({
        stack: stack.id,
        region: stack.region,
        logicalId,
        resource,
      })),
    );
  }
}

/**
 * Builds and synthesizes an environment.
 * @param environment a name of config/environments.ts, or an environment of the test's own, then called `test`
 * @param beforeSynth what else to do with the app, as adding a pack of rules
 */
export function synthesize(environment: string | Environment, beforeSynth?: (app: App) => void): Synthesized {
  const name = typeof environment === 'string' ? environment : 'test';
  const known = typeof environment === 'string' ? environments : { test: environment };
  const folder = mkdtempSync(join(tmpdir(), 'meridian-synth-'));
  try {
    const app = new App({
      outdir: join(folder, 'cdk.out'),
      analyticsReporting: false,
      // Slow and of no use here: CloudFormation validation is the check of `cdk synth`.
      builtinCloudFormationValidation: false,
      context: {
        ...cdkJson.context,
        'aws:cdk:enable-path-metadata': true,
        // As under the CLI: findings are in the report.
        '@aws-cdk/core:failSynthOnValidationErrors': false,
      },
    });
    new Meridian(app, name, {
      environment: resolveEnvironment(name, undefined, known),
      workload: gallery,
      bundles: emptyBundles(folder),
    });
    beforeSynth?.(app);
    app.synth();
    const out = join(folder, 'cdk.out');
    return new Synthesized(app, readAssembly(out), findingsOf(out));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function findingsOf(directory: string): string[] {
  const file = join(directory, 'validation-report.json');
  if (!existsSync(file)) return [];
  const report: Properties = JSON.parse(readFileSync(file, 'utf8'));
  return report['pluginReports'].flatMap(({ violations }: Properties) =>
    violations.flatMap(({ ruleName, violatingConstructs }: Properties) =>
      violatingConstructs.map(({ constructPath }: Properties) => `${ruleName} ${constructPath}`),
    ),
  );
}

function emptyBundles(folder: string): Bundles {
  const bundle = (name: string, file: string) => {
    const path = join(folder, name);
    mkdirSync(path);
    writeFileSync(join(path, file), `${name}\n`);
    return path;
  };
  return {
    web: bundle('web', 'Dockerfile'),
    worker: bundle('worker', 'index.mjs'),
    migrate: bundle('migrate', 'index.mjs'),
    invalidate: bundle('invalidate', 'index.mjs'),
    publish: bundle('publish', 'index.mjs'),
  };
}
