/**
 * A region's SQS, SNS and S3: fauxqs in a process of its own, with what it lacks put right before it is loaded.
 * Arguments: port, region, account, data folder.
 *
 * fauxqs 2.4.1 listens on every interface, knows one account, gives queues host names that only some systems
 * resolve, and loses a message whose visibility is set to 0 while it keeps its data.
 */

import { registerHooks } from 'node:module';
import { Server } from 'node:net';

const [port, region, account, dataDir] = process.argv.slice(2) as [string, string, string, string];

const listen = Server.prototype.listen;
Server.prototype.listen = function (this: Server, ...args: unknown[]) {
  const [first, ...rest] = args;
  const options = typeof first === 'object' && first !== null ? first : { port: Number(first) };
  const callbacks = rest.filter((argument) => typeof argument === 'function');
  return Reflect.apply(listen, this, [{ ...options, host: '127.0.0.1' }, ...callbacks]);
} as typeof listen;

/** A constant that no option sets, and helpers for tests that would load the AWS SDK's HTTP client. */
registerHooks({
  load(url, context, next) {
    if (url.endsWith('/fauxqs/dist/localhost.js')) {
      const source = 'export const createLocalhostHandler = undefined, interceptLocalhostDns = undefined;';
      return { format: 'module', source, shortCircuit: true };
    }
    const loaded = next(url, context);
    if (!url.endsWith('/fauxqs/dist/common/types.js')) return loaded;
    return { ...loaded, source: String(loaded.source).replace('"000000000000"', JSON.stringify(account)) };
  },
});

interface Queues {
  buildQueueUrl(name: string): string;
}

interface Persistence {
  db: { prepare(sql: string): { run(...values: unknown[]): unknown } };
  updateMessageReady(messageId: string): void;
}

/** A class of fauxqs that its entry does not export. */
async function internal<T>(module: string, name: string): Promise<T> {
  const loaded = await import(new URL(module, import.meta.resolve('fauxqs')).href);
  return loaded[name].prototype as T;
}

const queues = await internal<Queues>('./sqs/sqsStore.js', 'SqsStore');
queues.buildQueueUrl = (name) => `http://127.0.0.1:${port}/${account}/${name}`;

const persistence = await internal<Persistence>('./persistence.js', 'PersistenceManager');
persistence.updateMessageReady = function (messageId) {
  // Its own statement also clears the receive count, which may not be null.
  this.db
    .prepare('UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = ?')
    .run(messageId);
};

const { startFauxqs } = await import('fauxqs');
const server = await startFauxqs({ port: Number(port), defaultRegion: region, dataDir, logger: false });

process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)));
