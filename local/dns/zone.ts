/**
 * Answers of an authoritative name server for the records of the templates: one query packet in, one answer out.
 * After RFC 1035, 2308 (negative answers), 6891 (EDNS) and 7871 (client subnet). Seconds are the template's own,
 * whatever the run's clock.
 */

import {
  type Answer as AnswerRecord,
  AUTHORITATIVE_ANSWER,
  type DecodedPacket,
  type OptAnswer,
  type Packet,
  type PacketOpt,
  type SoaAnswer,
} from 'dns-packet';
import type { NameSystem } from '../name-system.ts';
import type { Viewer } from '../routing.ts';
import { type Subnet, viewerAt } from './places.ts';

export const codes = {
  ok: 0,
  malformed: 1,
  failed: 2,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
} as const;

/** Bytes that a UDP answer may have: what fits a packet everywhere (DNS flag day 2020). */
export const udpPayload = 1232;

/** Seconds that an alias to a load balancer or a distribution is good for ("Alias records", Route 53 guide). */
const aliasTtl = 60;

/** Seconds that "there is no such name" is good for: the TTL of a hosted zone's SOA record ("SOA record"). */
const negativeTtl = 900;

/** The answer to a decoded query. Never throws for what a client sends. */
export function answerQuery(query: DecodedPacket, names: NameSystem): Packet {
  const { questions = [], additionals = [] } = query;
  const edns = additionals.find((one): one is OptAnswer => one.type === 'OPT');
  const subnet = edns && subnetIn(edns);
  const [question, another] = questions;
  const reply = (code: number, more: Packet = {}): Packet => ({
    type: 'response',
    id: query.id ?? 0,
    flags: ((query.flags ?? 0) & recursionDesired) | code,
    questions,
    ...more,
    ...(edns && { additionals: [optionsFor(subnet)] }),
  });
  if (((query.flags ?? 0) & opcode) !== 0) return reply(codes.notImplemented);
  if (!question || another) return reply(codes.malformed);
  const zone = names.zone;
  const name = question.name.toLowerCase();
  if (question.class !== 'IN' || zone === undefined || (name !== zone && !name.endsWith(`.${zone}`))) {
    return reply(codes.refused);
  }
  const authoritative = (code: number, more: Packet) => {
    const packet = reply(code, more);
    return { ...packet, flags: (packet.flags ?? 0) | AUTHORITATIVE_ANSWER };
  };
  const answers =
    name === zone && question.type === 'SOA'
      ? [startOfAuthority(zone)]
      : recordsFor(names, question, subnet ? viewerAt(subnet.address) : {});
  if (answers.length > 0) return authoritative(codes.ok, { answers });
  const known = name === zone || names.knows(name);
  return authoritative(known ? codes.ok : codes.noSuchName, { authorities: [startOfAuthority(zone)] });
}

/** The answer to what cannot be decoded, when it was at least meant as a query. */
export function malformed(message: Buffer): Packet | undefined {
  const isQuery = message.length >= 12 && (message[2]! & 0x80) === 0;
  return isQuery ? { type: 'response', id: message.readUInt16BE(0), flags: codes.malformed } : undefined;
}

const opcode = 0x7800;
const recursionDesired = 0x0100;

function recordsFor(
  names: NameSystem,
  { name, type }: { readonly name: string; readonly type: string },
  viewer: Viewer,
): AnswerRecord[] {
  const answer = names.resolve(name, viewer, type);
  if (!answer) return [];
  if (answer.target !== undefined) {
    const found = names.addressesOf(answer.target);
    const data = found && (type === 'AAAA' ? found.ipv6 : found.ipv4);
    return data ? [{ type: type as 'A', name, ttl: aliasTtl, data }] : [];
  }
  return (answer.values ?? []).map((value) => ({
    type: type as 'A',
    name,
    ttl: answer.ttlSeconds ?? 0,
    data: type === 'TXT' ? value.replace(/^"|"$/g, '') : value,
  }));
}

function startOfAuthority(zone: string): SoaAnswer & AnswerRecord {
  return {
    type: 'SOA',
    name: zone,
    ttl: negativeTtl,
    data: {
      mname: `ns.${zone}`,
      rname: `hostmaster.${zone}`,
      serial: 1,
      refresh: 7200,
      retry: 900,
      expire: 1_209_600,
      minimum: 86_400,
    },
  } as SoaAnswer & AnswerRecord;
}

function subnetIn({ options }: OptAnswer): Subnet | undefined {
  const option = options.find(({ code }) => code === 8) as
    | { readonly ip?: string; readonly sourcePrefixLength?: number }
    | undefined;
  // A client that sends no bit of its address asks for an answer that is for everybody (RFC 7871, section 7.1.2).
  if (!option?.ip || !option.sourcePrefixLength) return undefined;
  return { address: option.ip, prefixLength: option.sourcePrefixLength };
}

/** Says for which network the answer is good: the one that was asked about, since geography may split any larger one. */
function optionsFor(subnet: Subnet | undefined): OptAnswer & AnswerRecord {
  return edns(
    subnet && [
      {
        code: 8,
        ip: subnet.address,
        sourcePrefixLength: subnet.prefixLength,
        scopePrefixLength: subnet.prefixLength,
      },
    ],
  );
}

/** The pseudo-record that carries EDNS options. */
export function edns(options: readonly PacketOpt[] = []): OptAnswer & AnswerRecord {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: udpPayload,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [...options],
  } as unknown as OptAnswer & AnswerRecord;
}
