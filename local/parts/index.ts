/** Every part by the name that `Host.run` takes. Imported on first use, so that a host holds only what it runs. */

import type { Part } from '../part.ts';

export const parts: Readonly<Record<string, () => Promise<Part<never>>>> = {
  // name: async () => (await import('./name.ts')).name,
};
