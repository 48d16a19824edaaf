/** Reads a cloud assembly (cdk.out): its stacks in the manifest's order, their templates and asset folders. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly Condition?: string;
}

export interface TemplateOutput {
  readonly Value: unknown;
  readonly Condition?: string;
  readonly Export?: { readonly Name: unknown };
}

/** The sections of a CloudFormation template that this machine reads. */
export interface Template {
  readonly Resources?: Readonly<Record<string, TemplateResource>>;
  readonly Outputs?: Readonly<Record<string, TemplateOutput>>;
  readonly Parameters?: Readonly<Record<string, { readonly Type?: string; readonly Default?: unknown }>>;
  readonly Conditions?: Readonly<Record<string, unknown>>;
  readonly Mappings?: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
}

export interface AssemblyStack {
  /** Id inside the stage, as `eu-west-1-data`. */
  readonly id: string;
  /** Physical name, as `meridian-local-eu-west-1-data`. */
  readonly name: string;
  readonly account: string;
  readonly region: string;
  /** Ids of the stacks that are deployed before it. */
  readonly dependencies: readonly string[];
  readonly template: Template;
}

export interface Assembly {
  readonly stacks: readonly AssemblyStack[];
  /** Content hash → folder (or file) of every file and image asset. */
  readonly assets: ReadonlyMap<string, string>;
}

interface Artifact {
  readonly type: string;
  readonly environment?: string;
  readonly displayName?: string;
  readonly dependencies?: readonly string[];
  readonly properties?: {
    readonly templateFile?: string;
    readonly stackName?: string;
    readonly directoryName?: string;
    readonly file?: string;
  };
}

interface AssetManifest {
  readonly files?: Readonly<Record<string, { readonly source: { readonly path?: string } }>>;
  readonly dockerImages?: Readonly<Record<string, { readonly source: { readonly directory?: string } }>>;
}

/** Reads an assembly with its nested ones. Throws when a file that a manifest names cannot be read. */
export function readAssembly(directory: string): Assembly {
  const stacks: AssemblyStack[] = [];
  const assets = new Map<string, string>();
  read(directory, stacks, assets);
  return { stacks, assets };
}

function read(directory: string, stacks: AssemblyStack[], assets: Map<string, string>): void {
  const manifest: { artifacts?: Record<string, Artifact> } = json(join(directory, 'manifest.json'));
  const artifacts = Object.entries(manifest.artifacts ?? {});
  const stackIds = new Map(
    artifacts
      .filter(([, { type }]) => type === 'aws:cloudformation:stack')
      .map(([key, artifact]) => [key, stackId(key, artifact)]),
  );
  for (const [key, artifact] of artifacts) {
    const { type, properties = {} } = artifact;
    if (type === 'cdk:cloud-assembly') {
      read(join(directory, properties.directoryName ?? key), stacks, assets);
    } else if (type === 'cdk:asset-manifest') {
      readAssets(directory, properties.file ?? `${key}.json`, assets);
    } else if (type === 'aws:cloudformation:stack') {
      const [, account, region] = /^aws:\/\/([^/]+)\/(.+)$/.exec(artifact.environment ?? '') ?? [];
      if (!account || !region) {
        throw new Error(
          `stack ${key} has environment '${artifact.environment}', expected aws://ACCOUNT/REGION`,
        );
      }
      stacks.push({
        id: stackIds.get(key)!,
        name: properties.stackName ?? key,
        account,
        region,
        dependencies: (artifact.dependencies ?? []).flatMap((id) => stackIds.get(id) ?? []),
        template: json(join(directory, properties.templateFile ?? `${key}.template.json`)),
      });
    }
  }
}

/** `stage/eu-west-1-data` → `eu-west-1-data`. */
function stackId(key: string, { displayName = key }: Artifact): string {
  return displayName.split(' ')[0]!.split('/').at(-1)!;
}

function readAssets(directory: string, file: string, assets: Map<string, string>): void {
  const { files = {}, dockerImages = {} } = json<AssetManifest>(join(directory, file));
  for (const [hash, { source }] of Object.entries(files)) {
    if (source.path) assets.set(hash, join(directory, source.path));
  }
  for (const [hash, { source }] of Object.entries(dockerImages)) {
    if (source.directory) assets.set(hash, join(directory, source.directory));
  }
}

function json<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8'));
}
