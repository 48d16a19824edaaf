/** Every resource type that means something on one machine. A type that is in no module has only a name here. */

import type { ResourceModule } from '../resource.ts';

export const modules: readonly ResourceModule[] = [];
