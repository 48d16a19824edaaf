/** The sample workload: a gallery whose worker says what is in a picture. A fork writes its own file like this. */

import { join } from 'node:path';
import { paths } from '../contract/http.ts';
import { ports } from '../contract/variables.ts';
import type { Workload } from './workload.ts';

const root = join(import.meta.dirname, '..');
const at = (path: string): string => join(root, path);

export const gallery: Workload = {
  name: 'gallery',
  web: {
    entry: at('web/server.ts'),
    dockerfile: at('web/Dockerfile'),
    port: ports.web,
    livenessPath: paths.healthz,
    readinessPath: paths.readyz,
    drainPath: paths.drainz,
  },
  client: { entries: [at('web/client/app.ts'), at('web/client/fallback.ts')] },
  worker: {
    rekognition: { entry: at('lambda/classify/rekognition-worker.ts') },
    embedded: {
      entry: at('lambda/classify/embedded-worker.ts'),
      // sharp has native parts: those of the platform of Lambda, from their own lockfile.
      external: ['sharp'],
      files: {
        node_modules: at('lambda/native/node_modules'),
        model: at('model'),
        'tfjs-backend-wasm-simd.wasm': at(
          'node_modules/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm',
        ),
      },
    },
  },
  migrate: { entry: at('lambda/migrate/handler.ts'), files: { migrations: at('db/migrations') } },
  invalidate: { entry: at('lambda/invalidate/handler.ts') },
  replacements: {
    '@aws-sdk/credential-provider-node': at('runtime/credentials.ts'),
    '@aws-sdk/credential-providers': at('runtime/credentials.ts'),
    // TensorFlow.js would fetch models with it.
    'node-fetch': at('runtime/absent.ts'),
  },
  publish: { entry: at('lambda/publish/handler.ts') },
};
