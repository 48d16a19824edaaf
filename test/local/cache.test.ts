/** The cache that runs here, whichever program it is, as the application's client sees it. */

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Cluster, Redis } from 'iovalkey';
import { Keyspace } from '../../local/cache/keyspace.ts';
import { CacheNode } from '../../local/cache/node.ts';
import { embedded, findCacheProgram } from '../../local/cache/program.ts';
import { RequestParser } from '../../local/cache/resp.ts';
import { slotOf } from '../../local/cache/slots.ts';
import { replicationGroup } from '../../local/resources/replication-group.ts';
import { type SmallRun, type SmallStack, smallRun } from '../support/small-run.ts';

const region = 'us-east-1';
const stacks: Record<string, SmallStack> = {
  data: {
    region,
    resources: {
      Parameters: {
        Type: 'AWS::ElastiCache::ParameterGroup',
        Properties: { CacheParameterGroupName: 'lru', Properties: { 'maxmemory-policy': 'allkeys-lru' } },
      },
      Cache: {
        Type: 'AWS::ElastiCache::ReplicationGroup',
        Properties: { ClusterMode: 'enabled', CacheParameterGroupName: { Ref: 'Parameters' } },
      },
    },
  },
};

const found = findCacheProgram();
const programs = found === embedded ? [embedded] : [embedded, found];

describe.each(programs)('$name', (program) => {
  let run: SmallRun;
  let cluster: Cluster;
  let port: number;

  beforeAll(async () => {
    const module = {
      ...replicationGroup,
      run: (...[declared, site]: Parameters<NonNullable<typeof replicationGroup.run>>) =>
        new CacheNode(
          declared,
          site,
          () => 'allkeys-lru',
          () => program,
        ),
    };
    run = await smallRun(stacks, { modules: [module] });
    await run.run.start();
    await run.event(({ event }) => event === 'usable');
    port = Number(run.attribute('data', 'Cache', 'ConfigurationEndPoint.Port'));
    const [host] = run.attribute('data', 'Cache', 'ConfigurationEndPoint.Address').split(':');
    cluster = new Cluster([{ host: host!, port }], { clusterRetryStrategy: () => 50 });
    cluster.on('error', () => {});
  }, 30_000);

  afterAll(async () => {
    cluster?.disconnect();
    await run?.close();
  }, 20_000);

  test('keeps strings of any bytes', async () => {
    const bytes = Buffer.from([0, 13, 10, 255, 36]);
    expect(await cluster.set('bytes', bytes)).toBe('OK');
    expect(await cluster.getBuffer('bytes')).toEqual(bytes);
    expect(await cluster.get('nothing')).toBeNull();
    expect(await cluster.getdel('bytes')).toBe(bytes.toString());
    expect(await cluster.exists('bytes')).toBe(0);
  });

  test('sets under a condition, and gives what was there', async () => {
    expect(await cluster.set('once', '1', 'NX')).toBe('OK');
    expect(await cluster.set('once', '2', 'NX')).toBeNull();
    expect(await cluster.set('once', '3', 'XX', 'GET')).toBe('1');
    expect(await cluster.set('never', '1', 'XX')).toBeNull();
    await expect(cluster.call('SET', 'once', '1', 'NX', 'XX')).rejects.toThrow(/^ERR syntax error/);
  });

  test('forgets what has expired, and nothing earlier', async () => {
    await cluster.set('soon', '1', 'PX', 60);
    await cluster.set('later', '1', 'EX', 100);
    expect(await cluster.ttl('later')).toBe(100);
    expect(await cluster.ttl('nothing')).toBe(-2);
    await cluster.set('later', '2', 'KEEPTTL');
    expect(await cluster.pttl('later')).toBeGreaterThan(99_000);
    await cluster.set('later', '3');
    expect(await cluster.ttl('later')).toBe(-1);
    expect(await cluster.expire('later', 50)).toBe(1);
    expect(await cluster.expire('nothing', 50)).toBe(0);
    for (let i = 0; i < 100 && (await cluster.get('soon')) !== null; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await cluster.get('soon')).toBeNull();
    await expect(cluster.set('soon', '1', 'PX', 0)).rejects.toThrow(/^ERR invalid expire time/);
  });

  test('counts', async () => {
    expect(await cluster.incr('count')).toBe(1);
    expect(await cluster.incrby('count', 41)).toBe(42);
    expect(await cluster.decr('count')).toBe(41);
    await cluster.set('word', 'x');
    await expect(cluster.incr('word')).rejects.toThrow(/not an integer/);
  });

  test('takes several keys of one slot, and refuses those of two', async () => {
    await cluster.mset('{a}1', 'one', '{a}2', 'two');
    expect(await cluster.mget('{a}1', '{a}none', '{a}2')).toEqual(['one', null, 'two']);
    expect(await cluster.del('{a}1', '{a}2', '{a}3')).toBe(2);
    const single = new Redis({ port });
    await expect(single.mget('a', 'b')).rejects.toThrow(/^CROSSSLOT/);
    for (const key of ['123456789', '{user1000}.following', 'foo{}{bar}', 'foo{{bar}}zap', '']) {
      expect(slotOf(Buffer.from(key))).toBe(await single.cluster('KEYSLOT', key));
    }
    single.disconnect();
  });

  test('raises a fence and never lowers it', async () => {
    expect(await cluster.zadd('fence', 'GT', 5, 'version')).toBe(1);
    expect(await cluster.zadd('fence', 'GT', 3, 'version')).toBe(0);
    expect(await cluster.zscore('fence', 'version')).toBe('5');
    expect(await cluster.zadd('fence', 'GT', 'CH', 7, 'version')).toBe(1);
    expect(await cluster.zscore('fence', 'version')).toBe('7');
    expect(await cluster.zscore('fence', 'nobody')).toBeNull();
    expect(await cluster.zrem('fence', 'version')).toBe(1);
    expect(await cluster.exists('fence')).toBe(0);
  });

  test('tells kinds of values apart', async () => {
    await cluster.zadd('scores', 1, 'one');
    await cluster.set('string', 'x');
    await expect(cluster.get('scores')).rejects.toThrow(/^WRONGTYPE/);
    await expect(cluster.zadd('string', 1, 'one')).rejects.toThrow(/^WRONGTYPE/);
    expect(await cluster.type('scores')).toBe('zset');
    expect(await cluster.type('nothing')).toBe('none');
  });

  test('answers a pipeline in its order, mistakes included', async () => {
    const answers = await cluster.pipeline().set('p', '1').incr('p').call('NOSUCH').get('p').exec();
    expect(answers?.map(([error, value]) => error?.message.slice(0, 19) ?? value)).toEqual([
      'OK',
      2,
      'ERR unknown command',
      '2',
    ]);
  });

  test('hands a message to every subscriber, until it leaves', async () => {
    const [one, other] = [new Redis({ port }), new Redis({ port })];
    const heard: string[] = [];
    const both = new Promise<void>((resolve) => {
      for (const [name, client] of Object.entries({ one, other })) {
        client.on('message', (channel: string, message: string) => {
          heard.push(`${name} ${channel} ${message}`);
          if (heard.length === 2) resolve();
        });
      }
    });
    await Promise.all([one.subscribe('events'), other.subscribe('events', 'more')]);
    expect(await cluster.publish('events', 'hello')).toBe(2);
    await both;
    expect(heard.sort()).toEqual(['one events hello', 'other events hello']);
    expect(await one.ping()).toEqual(['pong', '']);
    await expect(one.call('GET', 'x')).rejects.toThrow();
    await other.unsubscribe('events');
    expect(await cluster.publish('events', 'again')).toBe(1);
    one.disconnect();
    other.disconnect();
  });

  test('carries a large value', async () => {
    const large = 'x'.repeat(3_000_000);
    await cluster.set('large', large);
    expect(await cluster.get('large')).toBe(large);
  });

  test('comes back empty when it is killed, and the client finds it again', async () => {
    await cluster.set('lost', '1');
    const { lastEvent } = run.run.report({} as never);
    await run.run.stopUnit(region, 'Cache', '0');
    await run.event(({ event }) => event === 'usable', lastEvent);
    let value: string | null | undefined = 'not asked';
    for (let i = 0; i < 200 && value !== null; i++) {
      value = await cluster.get('lost').catch(() => undefined);
      if (value === undefined) await new Promise((resolve) => setTimeout(resolve, 25));
    }
    expect(value).toBeNull();
  }, 30_000);
});

test('the eviction policy is that of the parameter group', async () => {
  const run = await smallRun(stacks, { modules: [replicationGroup] });
  await run.run.start();
  const client = new Redis({ port: Number(run.attribute('data', 'Cache', 'ConfigurationEndPoint.Port')) });
  const policy = (await client.config('GET', 'maxmemory-policy')) as string[];
  const described = run.run
    .report({} as never)
    .resources.find(({ logicalId }) => logicalId === 'Cache')?.describe;
  client.disconnect();
  await run.close();
  expect(policy).toEqual(['maxmemory-policy', 'allkeys-lru']);
  expect(described).toMatchObject({ connect: { cache: `redis://127.0.0.1:${client.options.port}` } });
}, 30_000);

test('a program that is missing, or older than version 7, is not chosen', () => {
  expect(findCacheProgram(['no-such-program-server'])).toBe(embedded);
  expect(findCacheProgram(['true'])).toBe(embedded);
});

describe('a full keyspace', () => {
  const kilobyte = Buffer.alloc(1024);

  test('gives up what was used least recently', () => {
    const keyspace = new Keyspace(4400, 'allkeys-lru');
    for (const key of ['a', 'b', 'c']) keyspace.set(key, kilobyte);
    keyspace.get('a');
    keyspace.set('d', kilobyte);
    expect(['a', 'b', 'c', 'd'].map((key) => keyspace.get(key) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  test('gives up only what would expire, or refuses', () => {
    const keyspace = new Keyspace(2500, 'volatile-lru');
    keyspace.set('stays', kilobyte);
    keyspace.set('goes', kilobyte, Date.now() + 100_000);
    keyspace.set('new', kilobyte);
    expect(['stays', 'goes', 'new'].map((key) => keyspace.get(key) !== undefined)).toEqual([
      true,
      false,
      true,
    ]);
    expect(() => keyspace.set('more', kilobyte)).toThrow(/^OOM/);
  });
});

describe('requests', () => {
  test('are the same however they are cut into packets', () => {
    const bytes = Buffer.from('*2\r\n$3\r\nGET\r\n$4\r\n\r\n\r\n\r\n*1\r\n$4\r\nPING\r\nPING\r\n');
    const whole = new RequestParser().push(bytes);
    expect(whole.map((words) => words.map(String))).toEqual([['GET', '\r\n\r\n'], ['PING'], ['PING']]);
    const parser = new RequestParser();
    const pieces = [...bytes].flatMap((byte) => parser.push(Buffer.from([byte])));
    expect(pieces.map((words) => words.map(String))).toEqual(whole.map((words) => words.map(String)));
  });

  test.each(['*1\r\n+PING\r\n', '*x\r\n', '*1\r\n$-5\r\n', '*1\r\n$99999999999\r\n'])(
    'that are none are refused: %j',
    (bytes) => {
      expect(() => new RequestParser().push(Buffer.from(bytes))).toThrow();
    },
  );
});
