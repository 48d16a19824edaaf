/** Every part by the name that `Host.run` takes. Imported on first use, so that a host holds only what it runs. */

import type { Part } from '../part.ts';

export const parts: Readonly<Record<string, () => Promise<Part<never>>>> = {
  'database-front': async () => (await import('./database-front.ts')).databaseFront,
  edge: async () => (await import('./edge.ts')).edge,
  'health-checker': async () => (await import('./health-checker.ts')).healthChecker,
  's3-front': async () => (await import('./s3-front.ts')).s3Front,
  secrets: async () => (await import('./secrets.ts')).secrets,
  'topic-bridge': async () => (await import('./topic-bridge.ts')).topicBridge,
  'load-balancer': async () => (await import('./load-balancer.ts')).loadBalancer,
  record: async () => (await import('./record.ts')).record,
};
