/** A host process with one part that gives back what it is told. */

import { serveParts } from '../../local/host-server.ts';
import type { Part } from '../../local/part.ts';

const echo: Part<unknown> = async (first, { dial, emit, log }) => {
  let config = first;
  return {
    update: (next) => {
      config = next;
    },
    call: (method, argument) => {
      if (method === 'config') return config;
      if (method === 'dial') return dial(String(argument));
      if (method === 'never') return new Promise(() => {});
      if (method === 'fail') throw new Error('as asked');
      log('said');
      emit('said', argument as Record<string, unknown>);
      return undefined;
    },
    close: async () => {},
  };
};

serveParts(process.argv[2] ?? '', { echo: async () => echo as Part<never> });
