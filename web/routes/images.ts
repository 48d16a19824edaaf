/** Uploading pictures and reading what was found in them. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import * as Type from 'typebox';
import { v7 as uuidv7 } from 'uuid';
import { jobVersion } from '../../contract/job.ts';
import { mediaKey, parseMediaKey, pictureLimits } from '../../contract/media.ts';
import type { Images } from '../images.ts';
import type { Jobs } from '../jobs.ts';
import type { Media, Uploaded } from '../media.ts';
import { ensureOwner, ownerOf } from '../owner.ts';
import { Problem, unavailable } from '../problem.ts';

export interface ImageServices {
  readonly region: string;
  readonly regions: readonly string[];
  readonly media: Media;
  readonly jobs: Jobs;
  readonly images: Images;
}

const Id = Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const OneImage = Type.Object({ id: Id });

const Claim = Type.Object({
  contentType: Type.Enum([...pictureLimits.contentTypes]),
  size: Type.Integer({ minimum: 1, maximum: pictureLimits.maxBytes }),
  /** Base64, as S3 wants it. */
  sha256: Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$' }),
});

const Completion = Type.Object({ key: Type.String({ minLength: 1, maxLength: 1024 }) });

const Page = Type.Object({
  /** 1 to 50. */
  limit: Type.Optional(Type.String({ pattern: '^([1-9]|[1-4][0-9]|50)$' })),
  cursor: Type.Optional(Id),
});

export function imageRoutes(services: ImageServices): FastifyPluginAsyncTypebox {
  const { region, regions, media, jobs, images } = services;

  return async (app) => {
    // What is personal is never kept by a cache on the way.
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'private, no-store');
    });

    app.post('/api/images', { schema: { body: Claim } }, async (request, reply) => {
      const imageId = uuidv7();
      const upload = await media.presign({ ...request.body, imageId, owner: ensureOwner(request, reply) });
      return reply.code(201).send({ id: imageId, key: mediaKey(region, imageId), upload });
    });

    app.post(
      '/api/images/:id/complete',
      { schema: { params: OneImage, body: Completion } },
      async (request, reply) => {
        const { id } = request.params;
        const { key } = request.body;
        const place = parseMediaKey(key);
        if (!place || !regions.includes(place.region) || place.imageId !== id) {
          throw new Problem(400, `got key '${key}', expected the one that POST /api/images gave with ${id}`);
        }
        const uploaded = await findUpload(place.region, key);
        if (!uploaded) throw new Problem(409, 'Nothing was uploaded under this key: upload first.');
        checkUpload(uploaded, id, ownerOf(request));
        await jobs
          .submit({
            version: jobVersion,
            imageId: id,
            owner: uploaded.owner!,
            bucket: uploaded.bucket,
            key,
            contentType: uploaded.contentType,
            size: uploaded.size,
            submittedAt: new Date().toISOString(),
          })
          .catch((error: Error) => {
            request.log.error({ error: error.message }, 'job not queued');
            throw unavailable('The job could not be queued; send this request again.');
          });
        return reply.code(202).send({ id, status: 'waiting', url: `/${key}` });
      },
    );

    app.get('/api/images/:id', { schema: { params: OneImage } }, async (request) => {
      const { id } = request.params;
      const image = await reading(() => images.find(id));
      if (image) return image;
      const key = await reading(() => media.locate(id));
      if (!key) throw new Problem(404, `There is no image ${id}.`);
      return { id, status: 'waiting', url: `/${key}` };
    });

    app.get('/api/images', { schema: { querystring: Page } }, async (request) => {
      const { cursor } = request.query;
      const limit = Number(request.query.limit ?? 20);
      // One more than asked for tells whether there is a next page.
      const found = await reading(() => images.list(limit + 1, cursor));
      const shown = found.slice(0, limit);
      return { images: shown, ...(found.length > limit && { next: shown.at(-1)?.id }) };
    });

    async function findUpload(home: string, key: string): Promise<Uploaded | undefined> {
      try {
        return await media.find(home, key);
      } catch (error) {
        app.log.warn({ home, error: String(error) }, 'bucket does not answer');
        if (home === region)
          throw unavailable('The upload cannot be looked at for now; send this request again.');
        throw new Problem(409, `Region ${home}, which has the upload, does not answer: upload again.`);
      }
    }

    async function reading<T>(read: () => Promise<T>): Promise<T> {
      try {
        return await read();
      } catch (error) {
        app.log.warn({ error: String(error) }, 'cannot read');
        throw unavailable('Images cannot be read for now.');
      }
    }
  };
}

/** Trusts only what the bucket says: length and checksum were held by the bucket to what was signed. */
function checkUpload(uploaded: Uploaded, imageId: string, owner: string | undefined): void {
  const { contentTypes, maxBytes } = pictureLimits;
  if (!uploaded.sha256 || uploaded.imageId !== imageId || !uploaded.owner) {
    throw new Problem(
      409,
      'This upload was not made by the request that POST /api/images gave: upload again.',
    );
  }
  if (uploaded.owner !== owner) throw new Problem(403, 'Somebody else uploaded this image.');
  if (!contentTypes.some((type) => type === uploaded.contentType)) {
    throw new Problem(
      415,
      `got content type '${uploaded.contentType}', expected ${contentTypes.join(' or ')}`,
    );
  }
  if (uploaded.size < 1 || uploaded.size > maxBytes) {
    throw new Problem(413, `got ${uploaded.size} bytes, expected 1 to ${maxBytes}`);
  }
}
