/** The worker with the embedded model, which lies beside this file in the zip. */

import { loadEmbedded } from './embedded.ts';
import { createHandler } from './handler.ts';

export const handler = createHandler(() => loadEmbedded(import.meta.dirname));
