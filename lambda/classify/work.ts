/** One job, from its message to the news of its outcome. Whatever it throws means: deliver the message again. */

import { eventVersion, type Outcome } from '../../contract/event.ts';
import { type Job, parseJob } from '../../contract/job.ts';
import type { Announce } from './announce.ts';
import { type Classifier, type Picture, Rejected } from './classifier.ts';
import type { Results } from './results.ts';

export interface Tools {
  /** Region that does the work. */
  readonly region: string;
  readonly classifier: Classifier;
  readonly results: Results;
  readonly announce: Announce;
  readPicture(job: Job): Promise<Picture>;
}

/**
 * Does the job of a message. Messages come at least once: a second time finds the kept outcome and only
 * announces it, since the first time may have ended before that.
 * @throws Error for a message that is no job, and for everything that may be better next time
 */
export async function work(body: string, tools: Tools): Promise<void> {
  const job = parseJob(body);
  const { modelVersion } = tools.classifier;
  const at = new Date();
  const known = await tools.results.find(job, modelVersion);
  const outcome = known ?? (await classify(job, tools));
  if (!known && !(await tools.results.keep(job, modelVersion, outcome, at))) return;
  await tools.announce({
    version: eventVersion,
    imageId: job.imageId,
    owner: job.owner,
    region: tools.region,
    modelVersion,
    at: at.toISOString(),
    ...outcome,
  });
}

async function classify(job: Job, { classifier, readPicture }: Tools): Promise<Outcome> {
  try {
    return { status: 'classified', labels: await classifier.classify(await readPicture(job)) };
  } catch (error) {
    if (error instanceof Rejected) return { status: 'rejected', reason: error.message.slice(0, 300) };
    throw error;
  }
}
