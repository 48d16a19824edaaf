/** After each journey file: starts what it stopped, and asserts that the shared run is healthy. */

import { afterAll, jest } from '@jest/globals';
import { heal, sharedRun } from './run.ts';

// A message that nobody can process takes three times the visibility timeout to its dead-letter queue.
jest.setTimeout(180_000);

afterAll(() => heal(sharedRun()), 120_000);
