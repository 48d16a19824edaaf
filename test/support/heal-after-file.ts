/** After each journey file: starts what it stopped, and asserts that the shared run is healthy. */

import { afterAll } from '@jest/globals';
import { heal, sharedRun } from './run.ts';

afterAll(() => heal(sharedRun()), 120_000);
