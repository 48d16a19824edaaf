/**
 * Puts the sample pictures into an empty gallery, through the site's own public interface. The only file of the
 * local run that knows the sample workload: a fork replaces it, or leaves it out of tools/start.ts.
 */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Slot {
  readonly id: string;
  readonly key: string;
  readonly upload: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
}

/**
 * Uploads the pictures of a folder unless the gallery has some already.
 * @param site as `http://localhost:8080`
 * @returns how many were uploaded
 * @throws Error naming the request that failed
 */
export async function uploadSamples(site: string, folder: string): Promise<number> {
  const { images } = await ask<{ images: unknown[] }>(`${site}/api/images`);
  if (images.length > 0) return 0;
  const pictures = readdirSync(folder).filter((name) => name.endsWith('.png'));
  for (const name of pictures) await upload(site, readFileSync(join(folder, name)));
  return pictures.length;
}

async function upload(site: string, picture: Buffer<ArrayBuffer>): Promise<void> {
  const claim = {
    contentType: 'image/png',
    size: picture.length,
    sha256: createHash('sha256').update(picture).digest('base64'),
  };
  const claimed = await send(`${site}/api/images`, json(claim));
  const cookie = claimed.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  const { id, key, upload: to } = (await claimed.json()) as Slot;
  await send(to.url, { method: 'PUT', headers: to.headers, body: picture });
  await send(`${site}/api/images/${id}/complete`, json({ key }, { cookie }));
}

const json = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

async function ask<T>(url: string): Promise<T> {
  return (await send(url)).json() as Promise<T>;
}

async function send(url: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(15_000) });
  if (response.ok) return response;
  const { pathname } = new URL(url);
  throw new Error(
    `${init.method ?? 'GET'} ${pathname} answered ${response.status}: ${await response.text()}`,
  );
}
