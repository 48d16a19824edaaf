/** The module `k6/data`. Each VU has its own copy here; that it cannot be changed is the same. */

import { only, vu } from './vu.ts';

export class SharedArray {
  constructor(_name: string, make: () => unknown[]) {
    if (vu.phase !== 'init') throw new Error('a SharedArray is made while the script is loaded');
    const made = make();
    if (!Array.isArray(made)) throw new Error('the function of a SharedArray returns an array');
    // biome-ignore lint/correctness/noConstructorReturn: k6's is an array too
    return freeze(JSON.parse(JSON.stringify(made))) as SharedArray;
  }
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(freeze);
  return Object.freeze(value);
}

export default only('k6/data', { SharedArray });
