/** Entry of a host process: `host.ts REGION`. */

import { serveParts } from './host-server.ts';
import { parts } from './parts/index.ts';

serveParts(process.argv[2] ?? '', parts);
