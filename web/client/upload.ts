/** One picture's way to the service: claim, upload to the bucket, complete. */

import { ApiError, api, type Picture } from './api.ts';
import { shrink } from './shrink.ts';

/** Times that a step is tried when nothing answers, or the service asks for it. */
const attempts = 3;

/**
 * Uploads a picture; resolves when its job is accepted.
 * @param onProgress called with the share of the file that was sent, 0 to 1
 * @throws Error with a sentence for the person
 */
export async function upload(file: File, onProgress: (share: number) => void): Promise<Picture> {
  const picture = await shrink(file);
  const claim = { contentType: picture.type, size: picture.size, sha256: await sha256(picture) };
  for (let attempt = 1; ; attempt++) {
    try {
      const { id, key, upload } = await create(claim);
      await put(upload.url, upload.headers, picture, onProgress);
      return await completed(id, key);
    } catch (error) {
      // 409: the region that has the upload is away, so it goes to another one.
      const again = isTransient(error) || (error instanceof ApiError && error.status === 409);
      if (!again || attempt === attempts) throw error;
      await pause(attempt);
    }
  }
}

let turn: Promise<unknown> = Promise.resolve();

/**
 * Claims one after the other: the answer to a browser's first one sets its owner's cookie, and a second claim that
 * overtook it would be somebody else's.
 */
function create(claim: Parameters<typeof api.create>[0]): ReturnType<typeof api.create> {
  const mine = turn.then(() => api.create(claim));
  turn = mine.catch(() => {});
  return mine;
}

/** The same request may be sent twice. */
async function completed(id: string, key: string): Promise<Picture> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await api.complete(id, key);
    } catch (error) {
      if (!isTransient(error) || attempt === attempts) throw error;
      await pause(attempt);
    }
  }
}

/** fetch tells no progress of an upload. */
function put(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Blob,
  onProgress: (share: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onload = () =>
      request.status === 200
        ? resolve()
        : reject(new ApiError(request.status, `The bucket refused the upload (${request.status}).`));
    request.onerror = () => reject(new TypeError('The bucket does not answer.'));
    request.send(body);
  });
}

function isTransient(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof ApiError && error.status >= 500);
}

const pause = (attempt: number) => new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt));

/** Base64, as the API wants it. */
async function sha256(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}
