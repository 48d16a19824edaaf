/**
 * A site that answers the load tests' API from memory, and can be made bad in every way that their thresholds look at.
 * One port plays the edge, which knows viewers by their cookie; S3 is another path of it.
 */

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Country of a viewer → region at home there; as the load tests' own default. */
const homes: Readonly<Record<string, string>> = { US: 'us-east-1', DE: 'eu-west-1', SG: 'ap-southeast-1' };

export interface Faults {
  /** Milliseconds added to every read, or to a share of them. */
  slowReadsMs?: number;
  slowShare?: number;
  /** Milliseconds added to the acceptance of pictures. */
  slowAcceptanceMs?: number;
  /** Share of reads, or of acceptances, that answer 503. */
  failedReads?: number;
  failedAcceptances?: number;
  /** Reads get an answer of this status and of no use. */
  emptyStatus?: number;
  /** What X-Origin-Verify must be; and it must not reach S3. */
  secret?: string;
  /** Region that serves everybody. */
  servedBy?: string;
  /** Pictures get no labels; or are refused by the worker. */
  noLabels?: boolean;
  rejected?: boolean;
  /** Milliseconds that a worker needs for a picture. */
  workMs?: number;
  /** Milliseconds until other regions have a result. */
  lagMs?: number;
  /** Region whose requests are not answered. */
  lost?: string;
  /** Where the viewers of the lost region are sent once that has been noticed. */
  movedTo?: string;
}

export interface FakeSite {
  readonly url: string;
  /** May be changed at any time. */
  faults: Faults;
  /** Requests by path with ids left out. */
  readonly requests: Readonly<Record<string, number>>;
  close(): void;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  /** Cookie that names a stranger from now on. */
  readonly owner?: string;
}

const json = (status: number, body: object): Answer => ({ status, body: JSON.stringify(body) });

interface Image {
  readonly id: string;
  readonly region: string;
  /** Milliseconds on this machine's clock at which the worker is done; absent before the job is accepted. */
  doneAt?: number;
}

export async function startFakeSite(initial: Faults = {}): Promise<FakeSite> {
  const images = new Map<string, Image>();
  const requests: Record<string, number> = {};
  /** Region → when its one worker is free. */
  const free = new Map<string, number>();
  const site = { faults: initial };

  const server = createServer((request, response) => {
    handle(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { faults } = site;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { pathname, searchParams } = new URL(request.url!, url);
    const route = `${request.method} ${pathname.replace(/[0-9a-f-]{36}/, ':id')}`;
    requests[route] = (requests[route] ?? 0) + 1;

    if (route === 'GET /__local/viewer') {
      const country = searchParams.get('country') ?? '';
      response.writeHead(302, { location: '/', 'set-cookie': `__local_viewer=${country}; Path=/; HttpOnly` });
      return void response.end();
    }
    const secret = request.headers['x-origin-verify'];
    if (route.startsWith('PUT /bucket/')) return void response.writeHead(secret ? 400 : 200).end();
    if (secret !== faults.secret) return void response.writeHead(403).end();

    const home = homes[/__local_viewer=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? 'US']!;
    const region = faults.servedBy ?? (home === faults.lost && faults.movedTo ? faults.movedTo : home);
    if (region === faults.lost) return;
    response.setHeader('x-served-region', region);

    const isRead = request.method === 'GET';
    if (isRead) {
      if (Math.random() < (faults.slowShare ?? 1)) await sleep(faults.slowReadsMs ?? 0);
      if (Math.random() < (faults.failedReads ?? 0)) return void response.writeHead(503).end();
      if (faults.emptyStatus) return void response.writeHead(faults.emptyStatus).end('{}');
    } else {
      await sleep(faults.slowAcceptanceMs ?? 0);
      if (Math.random() < (faults.failedAcceptances ?? 0)) return void response.writeHead(503).end();
    }
    const made = answer(route, pathname, region, /owner=/.test(request.headers.cookie ?? ''));
    if (made.owner) response.setHeader('set-cookie', `owner=${made.owner}; Path=/; HttpOnly`);
    response.writeHead(made.status, { 'content-type': 'application/json' }).end(made.body);
  }

  function answer(route: string, path: string, region: string, known: boolean): Answer {
    const id = /[0-9a-f-]{36}/.exec(path)?.[0] ?? '';
    const image = images.get(id);
    switch (route) {
      case 'GET /':
        return { status: 200, body: '<!doctype html><html></html>' };
      case 'GET /media/:id':
        return { status: 200, body: 'picture' };
      case 'GET /api/images':
        return json(200, { images: [] });
      case 'GET /api/images/:id':
        return image ? json(200, describe(image, region)) : json(404, {});
      case 'POST /api/images': {
        const made: Image = { id: randomUUID(), region };
        images.set(made.id, made);
        const upload = { method: 'PUT', url: `${url}/bucket/${made.id}`, headers: {} };
        const slot = json(201, { id: made.id, key: `media/${region}/${made.id}`, upload });
        return known ? slot : { ...slot, owner: randomUUID() };
      }
      case 'POST /api/images/:id/complete': {
        if (!image || !known) return json(409, {});
        const began = Math.max(performance.now(), free.get(image.region) ?? 0);
        image.doneAt = began + (site.faults.workMs ?? 5);
        free.set(image.region, image.doneAt);
        return json(202, { id, status: 'waiting', url: `/media/${id}` });
      }
      default:
        return json(404, {});
    }
  }

  function describe(
    { id, region: origin, doneAt = Number.POSITIVE_INFINITY }: Image,
    region: string,
  ): object {
    const { noLabels, rejected, lagMs = 0 } = site.faults;
    const seenAt = region === origin ? doneAt : doneAt + lagMs;
    if (noLabels || performance.now() < seenAt) return { id, status: 'waiting', url: `/media/${id}` };
    if (rejected) return { id, status: 'rejected', url: `/media/${id}`, reason: 'not a picture' };
    return { id, status: 'classified', url: `/media/${id}`, labels: [{ name: 'cat', score: 99 }] };
  }

  return Object.assign(site, {
    url,
    requests,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
}
