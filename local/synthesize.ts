/** Synthesizes an environment exactly as `cdk synth` would, by running cdk.json's app with the CLI's context. */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What the CDK CLI adds to cdk.json's context; without it templates would differ from `cdk synth`'s. */
const cliContext = {
  'aws:cdk:enable-path-metadata': true,
  'aws:cdk:enable-asset-metadata': true,
  'aws:cdk:version-reporting': true,
  'aws:cdk:bundling-stacks': ['**'],
};

export interface SynthesisOptions {
  /** Folder that holds cdk.json. */
  readonly project: string;
  readonly environment: string;
  /** Folder for the assembly, emptied first; inside the project, since bundled code finds native packages from there. */
  readonly outdir: string;
  /** Folder in which Node keeps compiled programs. @default none */
  readonly compileCache?: string;
}

/**
 * Writes the environment's cloud assembly into `outdir`. Templates are not validated: `cdk synth` does that, and it
 * takes longer than all the rest. The account is never taken from the shell, so that names stay over restarts.
 * @throws Error with what the app wrote when it fails.
 */
export async function synthesize({
  project,
  environment,
  outdir,
  compileCache,
}: SynthesisOptions): Promise<void> {
  const cdkJson: { app?: string; context?: Record<string, unknown> } = readJson(join(project, 'cdk.json'));
  if (!cdkJson.app) throw new Error("cdk.json has no 'app': expected the command that synthesizes");
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  const { CDK_DEFAULT_ACCOUNT: _account, CDK_DEFAULT_REGION: _region, ...inherited } = process.env;
  const app = spawn(cdkJson.app, {
    shell: true,
    cwd: project,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...inherited,
      CDK_CONTEXT_JSON: JSON.stringify({ ...cdkJson.context, ...cliContext, env: environment }),
      CDK_OUTDIR: outdir,
      CDK_VALIDATION: 'false',
      ...(compileCache !== undefined && { NODE_COMPILE_CACHE: compileCache }),
    },
  });
  let said = '';
  for (const stream of [app.stdout, app.stderr]) stream.on('data', (chunk) => (said += chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    app.once('error', reject);
    app.once('close', resolve);
  });
  if (code !== 0 || !existsSync(join(outdir, 'manifest.json'))) {
    throw new Error(
      essence(said) || `'${cdkJson.app}' exited with ${code} and wrote no assembly to ${outdir}`,
    );
  }
}

/** What a failed program means by all that it wrote: its error's message, without Node's preface and the stack. */
function essence(said: string): string {
  const [, message] = /(?:^|\n)(?:[A-Z]\w*)?Error: (.*?)(?=\n\s+at |$)/s.exec(said) ?? [];
  return (message ?? said).trim();
}

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8'));
}
