/** HTTP servers of this machine: on loopback only, and ended with every connection they hold. */

import type { Server } from 'node:http';

/** Listens on 127.0.0.1. Rejects with a sentence when something else has the port. */
export function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new Error(`port ${port} of 127.0.0.1 is in use by another program`) : error);
    });
    server.listen(port, '127.0.0.1', () => resolve());
  });
}

/** Stops listening and cuts what is open, upgraded connections too when they are given. */
export async function shut(server: Server, upgraded: Iterable<{ destroy(): unknown }> = []): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of upgraded) socket.destroy();
  server.closeAllConnections();
  await closed;
}
