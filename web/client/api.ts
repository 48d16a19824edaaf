/** The service's API as the page uses it. */

import { headers } from '../../contract/http.ts';

export interface Label {
  readonly name: string;
  /** 0 to 100. */
  readonly score: number;
}

export type Picture = { readonly id: string; readonly url: string } & (
  | { readonly status: 'waiting' }
  | { readonly status: 'classified'; readonly labels: readonly Label[] }
  | { readonly status: 'rejected'; readonly reason: string }
);

export interface PicturePage {
  readonly images: readonly Picture[];
  /** Cursor of the next, older page; absent on the last. */
  readonly next?: string;
}

export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly upload: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
  };
}

/** An answer other than success. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** Tells the page which region and task answered. */
let onServed: (region: string, task: string) => void = () => {};
export function whenServed(listener: typeof onServed): void {
  onServed = listener;
}

/**
 * One request.
 * @throws ApiError with the service's own sentence, TypeError when nothing answered
 */
async function ask<T>(path: string, body?: unknown): Promise<T> {
  const answer = await fetch(path, {
    ...(body !== undefined && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });
  const region = answer.headers.get(headers.servedRegion);
  if (region) onServed(region, answer.headers.get(headers.servedTask) ?? '');
  if (answer.ok) return answer.json();
  const problem: { detail?: string } = await answer.json().catch(() => ({}));
  throw new ApiError(answer.status, problem.detail ?? `The service answered ${answer.status}.`);
}

export const api = {
  list: (cursor?: string) => ask<PicturePage>(`/api/images${cursor ? `?cursor=${cursor}` : ''}`),
  get: (id: string) => ask<Picture>(`/api/images/${id}`),
  create: (claim: { contentType: string; size: number; sha256: string }) => ask<Upload>('/api/images', claim),
  complete: (id: string, key: string) => ask<Picture>(`/api/images/${id}/complete`, { key }),
};
