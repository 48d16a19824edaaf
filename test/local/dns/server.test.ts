/** The name server by real packets over real sockets, and the resolver of the edge against it. */

import { createSocket } from 'node:dgram';
import { Resolver as SystemResolver } from 'node:dns/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type DecodedPacket, decode, encode, type RecordType } from 'dns-packet';
import { subnetOf } from '../../../local/dns/places.ts';
import { Resolver } from '../../../local/dns/resolver.ts';
import { DnsServer } from '../../../local/dns/server.ts';
import { edns } from '../../../local/dns/zone.ts';
import { viewerOf } from '../../../local/edge/viewer.ts';
import { NameSystem } from '../../../local/name-system.ts';
import { freePort } from '../../support/parts.ts';

const targets = {
  'dublin.elb.amazonaws.com': { ipv4: '198.18.0.1', ipv6: '2001:db8::1' },
  'virginia.elb.amazonaws.com': { ipv4: '198.18.0.2', ipv6: '2001:db8::2' },
  'd1.cloudfront.net': { ipv4: '198.18.0.3', ipv6: '2001:db8::3' },
};

/** Europe's viewers get Dublin, California and everyone else Virginia. */
function zone(): NameSystem {
  const names = new NameSystem();
  let id = 0;
  const add = (record: Parameters<NameSystem['add']>[1]) => names.add(`${id++}`, record);
  for (const type of ['A', 'AAAA']) {
    const alias = (name: string, target: string, more: object = {}) =>
      add({ name, type, alias: { name: target, evaluateTargetHealth: true }, ...more });
    alias('origin.example.com', 'dublin.elb.amazonaws.com', {
      geography: { continent: 'EU' },
      healthCheck: 'eu',
    });
    alias('origin.example.com', 'virginia.elb.amazonaws.com', { geography: { country: '*' } });
    alias('www.example.com', 'd1.cloudfront.net');
  }
  add({ name: 'note.example.com', type: 'TXT', values: ['"hello"'], ttlSeconds: 5 });
  add({ name: 'many.example.com', type: 'A', values: many, ttlSeconds: 5 });
  for (const [name, addresses] of Object.entries(targets)) names.setAddresses(name, addresses);
  return names;
}

const many = Array.from({ length: 200 }, (_, i) => `192.0.2.${i}`);

let names: NameSystem;
let port: number;
let server: DnsServer;

beforeEach(async () => {
  names = zone();
  port = await freePort();
  server = new DnsServer(names, port);
  await server.open();
});

afterEach(() => server.close());

const question = (name: string, type: RecordType = 'A', place?: string) =>
  encode({
    type: 'query',
    id: 4711,
    questions: [{ type, name, class: 'IN' }],
    ...(place && { additionals: [edns([subnetOption(place)])] }),
  });

function subnetOption(place: string) {
  const { address, prefixLength } = subnetOf(viewerOf(place)!)!;
  return { code: 8 as const, ip: address, sourcePrefixLength: prefixLength };
}

async function overUdp(query: Buffer): Promise<DecodedPacket> {
  const socket = createSocket('udp4');
  try {
    socket.send(query, port, '127.0.0.1');
    const [answer] = await once(socket, 'message');
    return decode(answer);
  } finally {
    socket.close();
  }
}

/** Sends the bytes in two pieces, and reads as many answers. */
async function overTcp(queries: readonly Buffer[]): Promise<DecodedPacket[]> {
  const bytes = Buffer.concat(
    queries.map((query) => Buffer.concat([Buffer.from([query.length >> 8, query.length & 255]), query])),
  );
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  socket.write(bytes.subarray(0, 3));
  setImmediate(() => socket.write(bytes.subarray(3)));
  const answers: DecodedPacket[] = [];
  let heard = Buffer.alloc(0);
  for await (const chunk of socket) {
    heard = Buffer.concat([heard, chunk]);
    while (heard.length >= 2 && heard.length >= 2 + heard.readUInt16BE(0)) {
      answers.push(decode(heard.subarray(2, 2 + heard.readUInt16BE(0))));
      heard = heard.subarray(2 + heard.readUInt16BE(0));
    }
    if (answers.length === queries.length) break;
  }
  socket.destroy();
  return answers;
}

/** As `NXDOMAIN`; the package's types leave it out. */
const codeOf = (answer: DecodedPacket) => (answer as { rcode?: string }).rcode;

const dataOf = ({ answers = [] }: DecodedPacket) => answers.map((one) => 'data' in one && one.data);

describe('answers', () => {
  test('follow the client’s network, and say that they are for it', async () => {
    const european = await overUdp(question('origin.example.com', 'A', 'DE'));
    expect(european).toMatchObject({ id: 4711, flag_aa: true, rcode: 'NOERROR' });
    expect(european.answers).toMatchObject([
      { type: 'A', name: 'origin.example.com', ttl: 60, data: '198.18.0.1' },
    ]);
    const options = european.additionals![0] as unknown as { options: object[] };
    expect(options.options).toMatchObject([{ code: 8, sourcePrefixLength: 24, scopePrefixLength: 24 }]);
    expect(dataOf(await overUdp(question('origin.example.com', 'A', 'JP')))).toEqual(['198.18.0.2']);
  });

  test('go to the default for a client whose place is not said, by IPv6 too, in any spelling', async () => {
    expect(dataOf(await overUdp(question('origin.example.com')))).toEqual(['198.18.0.2']);
    const answer = await overUdp(question('ORIGIN.Example.com', 'AAAA', 'FR'));
    expect(answer.answers).toMatchObject([{ name: 'ORIGIN.Example.com', data: '2001:db8::1' }]);
  });

  test('follow health', async () => {
    names.setCheck('eu', false);
    expect(dataOf(await overUdp(question('origin.example.com', 'A', 'DE')))).toEqual(['198.18.0.2']);
  });

  test('have the TTL and the values of a record that is no alias', async () => {
    const { answers } = await overUdp(question('note.example.com', 'TXT'));
    expect(answers).toMatchObject([{ ttl: 5, data: [Buffer.from('hello')] }]);
  });

  test('come over TCP, several on one connection, in pieces', async () => {
    const answers = await overTcp([
      question('origin.example.com', 'A', 'DE'),
      question('origin.example.com'),
    ]);
    expect(answers.map(dataOf)).toEqual([['198.18.0.1'], ['198.18.0.2']]);
  });

  test('that do not fit a datagram are truncated, and whole over TCP', async () => {
    const { flag_tc, answers } = await overUdp(question('many.example.com'));
    expect({ flag_tc, answers }).toEqual({ flag_tc: true, answers: [] });
    const [whole] = await overTcp([question('many.example.com')]);
    expect(dataOf(whole!)).toEqual(many);
  });
});

test('a resolver of other authors understands the answers', async () => {
  const resolver = new SystemResolver({ timeout: 2_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  expect(await resolver.resolve4('www.example.com', { ttl: true })).toEqual([
    { address: '198.18.0.3', ttl: 60 },
  ]);
  expect(await resolver.resolve6('origin.example.com')).toEqual(['2001:db8::2']);
  expect(await resolver.resolveTxt('note.example.com')).toEqual([['hello']]);
  // Truncated, so it comes again by TCP.
  expect(await resolver.resolve4('many.example.com')).toHaveLength(many.length);
  await expect(resolver.resolve4('nobody.example.com')).rejects.toThrow('ENOTFOUND');
});

describe('what has no answer', () => {
  test('a name that is not there, and a type that a name does not have, with how long that holds', async () => {
    const missing = await overUdp(question('nobody.example.com'));
    expect(missing).toMatchObject({ rcode: 'NXDOMAIN', answers: [] });
    expect(missing.authorities).toMatchObject([{ type: 'SOA', name: 'example.com', ttl: 900 }]);
    const noMail = await overUdp(question('origin.example.com', 'MX'));
    expect(noMail).toMatchObject({ rcode: 'NOERROR', answers: [], authorities: [{ type: 'SOA' }] });
  });

  test('a name of another zone is refused', async () => {
    expect(codeOf(await overUdp(question('example.org')))).toBe('REFUSED');
    expect(codeOf(await overUdp(question('notexample.com')))).toBe('REFUSED');
  });

  test('bytes that are no query get an error or nothing, and the server lives on', async () => {
    const broken = Buffer.concat([question('origin.example.com').subarray(0, 12), Buffer.from([0xc0, 0xff])]);
    expect(codeOf(await overUdp(broken))).toBe('FORMERR');
    const socket = createSocket('udp4');
    socket.send(Buffer.from('x'), port, '127.0.0.1');
    socket.send(encode({ type: 'response', id: 1 }), port, '127.0.0.1');
    const update = Buffer.from(question('origin.example.com'));
    update[2] = 0x28;
    expect(codeOf(await overUdp(update))).toBe('NOTIMP');
    socket.close();
    expect(dataOf(await overUdp(question('origin.example.com')))).toEqual(['198.18.0.2']);
  });

  test('an alias whose cycle never ends is the server’s failure', async () => {
    names.add('loop', {
      name: 'loop.example.com',
      type: 'A',
      alias: { name: 'loop.example.com', evaluateTargetHealth: false },
    });
    expect(codeOf(await overUdp(question('loop.example.com')))).toBe('SERVFAIL');
  });
});

describe('the resolver', () => {
  const germany = viewerOf('DE')!;

  /** A resolver for whom a minute of TTL lasts that long. */
  function resolver(minuteMs: number, at = port): Resolver {
    return new Resolver({ port: at, secondMs: minuteMs / 60 });
  }

  test('gets the address for a viewer’s place, and nothing for another zone', async () => {
    const edge = resolver(60_000);
    expect(await edge.address('origin.example.com', germany)).toBe('198.18.0.1');
    expect(await edge.address('origin.example.com', viewerOf('US-CA')!)).toBe('198.18.0.2');
    expect(await edge.address('bucket.s3.eu-west-1.amazonaws.com', germany)).toBeUndefined();
    await expect(edge.address('nobody.example.com', germany)).rejects.toThrow('answer code 3');
    edge.close();
  });

  test('keeps an answer for its TTL by the run’s clock, and no longer', async () => {
    const [slow, fast] = [resolver(60_000), resolver(0)];
    for (const edge of [slow, fast]) await edge.address('origin.example.com', germany);
    names.setCheck('eu', false);
    expect(await slow.address('origin.example.com', germany)).toBe('198.18.0.1');
    expect(await fast.address('origin.example.com', germany)).toBe('198.18.0.2');
    for (const edge of [slow, fast]) edge.close();
  });

  test('asks by TCP for an answer that was truncated', async () => {
    const edge = resolver(0);
    expect(await edge.address('many.example.com', {})).toBe(many[0]);
    edge.close();
  });

  test('many who ask at once are one question; a server that is silent is an error', async () => {
    const silent = createSocket('udp4');
    const ids: number[] = [];
    silent.on('message', (message, { port, address }) => {
      const query = decode(message);
      ids.push(query.id!);
      if (ids.length === 1) return; // The first packet is lost.
      silent.send(
        encode({
          type: 'response',
          id: query.id!,
          questions: query.questions!,
          answers: [{ type: 'A', name: 'a', ttl: 9, data: '192.0.2.9' }],
        }),
        port,
        address,
      );
    });
    silent.bind(0, '127.0.0.1');
    await once(silent, 'listening');
    const edge = resolver(60_000, silent.address().port);
    const asked = await Promise.all([1, 2, 3].map(() => edge.address('a.example.com', germany)));
    expect(asked).toEqual(['192.0.2.9', '192.0.2.9', '192.0.2.9']);
    expect(ids).toHaveLength(2);
    edge.close();
    silent.close();
  });
});
