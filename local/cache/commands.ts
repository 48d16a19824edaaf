/** The commands of the embedded cache, each as the command reference of Valkey describes it. */

import type { Keyspace } from './keyspace.ts';
import { CommandError, ok, type Reply } from './resp.ts';

export interface Command {
  /** Arguments that are keys; all must be in one slot. */
  readonly keys: (args: readonly Buffer[]) => readonly Buffer[];
  readonly run: (args: readonly Buffer[], keyspace: Keyspace) => Reply;
  /** Fewest and most arguments. */
  readonly arguments: readonly [number, number];
}

const syntaxError = () => new CommandError('ERR syntax error');
const many = Number.POSITIVE_INFINITY;

const first = (args: readonly Buffer[]) => args.slice(0, 1);
const all = (args: readonly Buffer[]) => args;
const pairs = (args: readonly Buffer[]) => args.filter((_, i) => i % 2 === 0);

/** Keys and members are bytes; as text they are in an encoding that keeps every byte. */
const text = (bytes: Buffer | undefined): string => bytes?.toString('latin1') ?? '';
const word = (bytes: Buffer | undefined): string => text(bytes).toUpperCase();

function integer(bytes: Buffer | undefined): number {
  const value = Number(text(bytes));
  if (bytes?.length && Number.isSafeInteger(value)) return value;
  throw new CommandError('ERR value is not an integer or out of range');
}

function score(bytes: Buffer | undefined): number {
  const words: Record<string, number> = { inf: Infinity, '+inf': Infinity, '-inf': -Infinity };
  const value = words[text(bytes).toLowerCase()] ?? Number(text(bytes));
  if (bytes?.length && !Number.isNaN(value)) return value;
  throw new CommandError('ERR value is not a valid float');
}

const wrongType = () => new CommandError('WRONGTYPE Operation against a key holding the wrong kind of value');

function stringAt(keyspace: Keyspace, key: Buffer | undefined): Buffer | null {
  const value = keyspace.get(text(key)) ?? null;
  if (value instanceof Map) throw wrongType();
  return value;
}

function scoresAt(keyspace: Keyspace, key: Buffer | undefined): Map<string, number> | undefined {
  const value = keyspace.get(text(key));
  if (Buffer.isBuffer(value)) throw wrongType();
  return value;
}

function add(keyspace: Keyspace, key: Buffer, by: number): number {
  const sum = integer(stringAt(keyspace, key) ?? Buffer.from('0')) + by;
  if (!Number.isSafeInteger(sum)) throw new CommandError('ERR increment or decrement would overflow');
  keyspace.set(text(key), Buffer.from(String(sum)), keyspace.expiresAt(text(key)));
  return sum;
}

function set([key, value, ...options]: readonly Buffer[], keyspace: Keyspace): Reply {
  const name = text(key);
  const before = keyspace.get(name);
  let expiresAt: number | undefined;
  let condition: string | undefined;
  let keep = false;
  let get = false;
  for (let i = 0; i < options.length; i++) {
    const option = word(options[i]);
    if (option === 'NX' || option === 'XX') {
      if (condition !== undefined) throw syntaxError();
      condition = option;
    } else if (option === 'KEEPTTL') keep = true;
    else if (option === 'GET') get = true;
    else if (option in expiries && expiresAt === undefined) {
      expiresAt = expiry(option, options[++i], 'set');
    } else throw syntaxError();
  }
  if (keep && expiresAt !== undefined) throw syntaxError();
  const old = get ? stringAt(keyspace, key) : null;
  const refused = condition !== undefined && (condition === 'NX') === (before !== undefined);
  if (!refused) keyspace.set(name, Buffer.from(value!), keep ? keyspace.expiresAt(name) : expiresAt);
  if (get) return old;
  return refused ? null : ok;
}

/** Milliseconds since 1970 by what an option says. */
const expiries: Readonly<Record<string, (amount: number) => number>> = {
  EX: (amount) => Date.now() + amount * 1000,
  PX: (amount) => Date.now() + amount,
  EXAT: (amount) => amount * 1000,
  PXAT: (amount) => amount,
};

function expiry(option: string, bytes: Buffer | undefined, command: string): number {
  const amount = integer(bytes);
  if (amount <= 0) throw new CommandError(`ERR invalid expire time in '${command}' command`);
  return expiries[option]!(amount);
}

const expire =
  (unitMs: number) =>
  ([key, amount]: readonly Buffer[], keyspace: Keyspace): Reply => {
    const value = keyspace.get(text(key));
    if (value === undefined) return 0;
    keyspace.set(text(key), value, Date.now() + integer(amount) * unitMs);
    return 1;
  };

const timeToLive =
  (unitMs: number) =>
  ([key]: readonly Buffer[], keyspace: Keyspace): Reply => {
    if (keyspace.get(text(key)) === undefined) return -2;
    const expiresAt = keyspace.expiresAt(text(key));
    return expiresAt === undefined ? -1 : Math.max(0, Math.round((expiresAt - Date.now()) / unitMs));
  };

function zadd([key, ...args]: readonly Buffer[], keyspace: Keyspace): Reply {
  const options = new Set<string>();
  let i = 0;
  for (; ['NX', 'XX', 'GT', 'LT', 'CH'].includes(word(args[i])); i++) options.add(word(args[i]));
  const members = args.slice(i);
  if (members.length === 0 || members.length % 2 === 1) throw syntaxError();
  if (['NX', 'GT', 'LT'].filter((option) => options.has(option)).length > 1) {
    throw new CommandError('ERR GT, LT, and/or NX options at the same time are not compatible');
  }
  const wanted = pairs(members).map((bytes, at) => [text(members[2 * at + 1]), score(bytes)] as const);
  const scores = new Map(scoresAt(keyspace, key));
  let [added, changed] = [0, 0];
  for (const [member, next] of wanted) {
    const known = scores.get(member);
    if (known === undefined ? options.has('XX') : options.has('NX')) continue;
    if (
      known !== undefined &&
      ((options.has('GT') && next <= known) || (options.has('LT') && next >= known))
    ) {
      continue;
    }
    if (known === undefined) added += 1;
    else if (known !== next) changed += 1;
    scores.set(member, next);
  }
  if (scores.size > 0) keyspace.set(text(key), scores, keyspace.expiresAt(text(key)));
  return options.has('CH') ? added + changed : added;
}

function remove(args: readonly Buffer[], keyspace: Keyspace): Reply {
  return args.filter((key) => keyspace.delete(text(key))).length;
}

function scoreText(value: number | undefined): string | null {
  if (value === undefined) return null;
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return String(value);
}

export const commands: Readonly<Record<string, Command>> = {
  GET: { keys: first, arguments: [1, 1], run: ([key], keyspace) => stringAt(keyspace, key) },
  SET: { keys: first, arguments: [2, many], run: set },
  MGET: {
    keys: all,
    arguments: [1, many],
    // A key of another kind is none here.
    run: (args, keyspace) =>
      args.map((key) => {
        const value = keyspace.get(text(key));
        return Buffer.isBuffer(value) ? value : null;
      }),
  },
  MSET: {
    keys: pairs,
    arguments: [2, many],
    run(args, keyspace) {
      if (args.length % 2 === 1) throw new CommandError("ERR wrong number of arguments for 'mset' command");
      for (const [i, key] of pairs(args).entries()) keyspace.set(text(key), Buffer.from(args[2 * i + 1]!));
      return ok;
    },
  },
  GETDEL: {
    keys: first,
    arguments: [1, 1],
    run([key], keyspace) {
      const value = stringAt(keyspace, key);
      keyspace.delete(text(key));
      return value;
    },
  },
  DEL: { keys: all, arguments: [1, many], run: remove },
  UNLINK: { keys: all, arguments: [1, many], run: remove },
  EXISTS: {
    keys: all,
    arguments: [1, many],
    run: (args, keyspace) => args.filter((key) => keyspace.get(text(key)) !== undefined).length,
  },
  INCR: { keys: first, arguments: [1, 1], run: ([key], keyspace) => add(keyspace, key!, 1) },
  DECR: { keys: first, arguments: [1, 1], run: ([key], keyspace) => add(keyspace, key!, -1) },
  INCRBY: { keys: first, arguments: [2, 2], run: ([key, by], keyspace) => add(keyspace, key!, integer(by)) },
  DECRBY: { keys: first, arguments: [2, 2], run: ([key, by], keyspace) => add(keyspace, key!, -integer(by)) },
  EXPIRE: { keys: first, arguments: [2, 2], run: expire(1000) },
  PEXPIRE: { keys: first, arguments: [2, 2], run: expire(1) },
  PERSIST: {
    keys: first,
    arguments: [1, 1],
    run([key], keyspace) {
      const value = keyspace.get(text(key));
      if (value === undefined || keyspace.expiresAt(text(key)) === undefined) return 0;
      keyspace.set(text(key), value);
      return 1;
    },
  },
  TTL: { keys: first, arguments: [1, 1], run: timeToLive(1000) },
  PTTL: { keys: first, arguments: [1, 1], run: timeToLive(1) },
  TYPE: {
    keys: first,
    arguments: [1, 1],
    run([key], keyspace) {
      const value = keyspace.get(text(key));
      if (value === undefined) return { status: 'none' };
      return { status: value instanceof Map ? 'zset' : 'string' };
    },
  },
  ZADD: { keys: first, arguments: [3, many], run: zadd },
  ZSCORE: {
    keys: first,
    arguments: [2, 2],
    run: ([key, member], keyspace) => scoreText(scoresAt(keyspace, key)?.get(text(member))),
  },
  ZCARD: { keys: first, arguments: [1, 1], run: ([key], keyspace) => scoresAt(keyspace, key)?.size ?? 0 },
  ZREM: {
    keys: first,
    arguments: [2, many],
    run([key, ...members], keyspace) {
      const scores = scoresAt(keyspace, key);
      const gone = members.filter((member) => scores?.delete(text(member))).length;
      if (scores?.size === 0) keyspace.delete(text(key));
      return gone;
    },
  },
  DBSIZE: { keys: () => [], arguments: [0, 0], run: (_, keyspace) => keyspace.size },
  FLUSHALL: { keys: () => [], arguments: [0, 1], run: flush },
  FLUSHDB: { keys: () => [], arguments: [0, 1], run: flush },
};

function flush(_: readonly Buffer[], keyspace: Keyspace): Reply {
  keyspace.clear();
  return ok;
}
