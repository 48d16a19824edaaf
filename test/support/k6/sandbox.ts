/**
 * The surroundings of a script: k6's modules and globals, and nothing of Node's. A script that leans on Node would
 * pass here and fail in k6.
 */

import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL, URL } from 'node:url';
import { makeConsole } from './api/console.ts';
// Loaded before Node's globals go, which they use.
import './api/crypto.ts';
import './api/data.ts';
import './api/encoding.ts';
import './api/execution.ts';
import './api/http.ts';
import './api/k6.ts';
import './api/metrics.ts';
import { vu } from './api/vu.ts';
import type { ThreadData } from './messages.ts';

const modules: Readonly<Record<string, string>> = {
  k6: 'k6.ts',
  'k6/http': 'http.ts',
  'k6/metrics': 'metrics.ts',
  'k6/data': 'data.ts',
  'k6/execution': 'execution.ts',
  'k6/crypto': 'crypto.ts',
  'k6/encoding': 'encoding.ts',
};

/** Globals of the language that k6's engine has too. Node has more, and the web's; none of those is left. */
const language = new Set([
  ...['globalThis', 'undefined', 'NaN', 'Infinity', 'eval', 'isFinite', 'isNaN', 'parseFloat', 'parseInt'],
  ...['decodeURI', 'decodeURIComponent', 'encodeURI', 'encodeURIComponent', 'escape', 'unescape'],
  ...['Object', 'Function', 'Boolean', 'Symbol', 'Number', 'BigInt', 'Math', 'Date', 'String', 'RegExp'],
  ...['Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError'],
  ...['URIError', 'Array', 'ArrayBuffer', 'DataView', 'Map', 'Set', 'WeakMap', 'WeakSet', 'Promise'],
  ...['Reflect', 'Proxy', 'JSON', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array'],
  ...['Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array', 'Float64Array', 'BigInt64Array'],
  ...['BigUint64Array'],
]);

const api = new URL('./api/', import.meta.url).href;
const harness = new URL('.', import.meta.url).href;

/** Takes Node away from whatever is imported from now on. */
export function closeSandbox({ script, vu: id, env }: ThreadData): void {
  registerHooks({
    resolve(specifier, context, next) {
      const fromHarness = context.parentURL?.startsWith(harness);
      const entry = specifier === pathToFileURL(script).href;
      if (fromHarness && !entry) return next(specifier, context);
      if (entry) return { url: specifier, format: 'module-typescript', shortCircuit: true };
      const file = modules[specifier];
      if (file) return { url: new URL(file, api).href, format: 'module-typescript', shortCircuit: true };
      if (specifier.startsWith('k6')) {
        return vu.refuse(`import '${specifier}', of which it has ${Object.keys(modules).join(', ')}`);
      }
      return {
        url: localFile(specifier, context.parentURL!),
        format: 'module-typescript',
        shortCircuit: true,
      };
    },
    load(url, context, next) {
      if (!url.startsWith(harness) && url.startsWith('file:')) {
        const foreign = /\bimport\.meta\.(?!resolve\b)\w+/.exec(readFileSync(fileURLToPath(url), 'utf8'));
        if (foreign) throw new Error(`${url}: k6 has no ${foreign[0]}`);
      }
      return next(url, context);
    },
  });

  // Loads the stripper, which needs a global that goes, in case a compile cache has spared it until now.
  stripTypeScriptTypes('');
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!language.has(name)) delete (globalThis as Record<string, unknown>)[name];
  }
  const folder = dirname(script);
  Object.assign(globalThis, {
    console: makeConsole(),
    __VU: id,
    __ITER: 0,
    __ENV: { ...env },
    open: (path: string, mode?: string): string | ArrayBuffer => {
      if (vu.phase !== 'init') throw new Error('open() is only there while a script is loaded');
      if (mode !== undefined && mode !== 'b') throw new Error(`got mode '${mode}', expected 'b' or none`);
      const bytes = readFileSync(resolve(folder, path));
      return mode === 'b' ? new Uint8Array(bytes).buffer : bytes.toString('utf8');
    },
  });
}

/** k6 finds only files that an import names whole; a package or a Node module it does not find at all. */
function localFile(specifier: string, parent: string): string {
  if (!/^\.{1,2}\//.test(specifier)) {
    throw new Error(`cannot import '${specifier}': k6 has neither packages nor Node's modules, name a file`);
  }
  if (!/\.[jt]s$/.test(specifier)) {
    throw new Error(`cannot import '${specifier}': k6 wants the whole file name, as './lib/shapes.ts'`);
  }
  return new URL(specifier, parent).href;
}
