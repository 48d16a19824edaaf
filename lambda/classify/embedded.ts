/**
 * A small model in the worker itself, for where Rekognition is not: it knows 80 kinds of things (model/README.md)
 * and needs no network.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { type GraphModel, loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import type { Label } from '../../contract/event.ts';
import { pictureLimits } from '../../contract/media.ts';
import { type Classifier, labelLimits, Rejected } from './classifier.ts';

/** Pixels of a side that the model takes. */
const side = 300;
const inputNode = 'Preprocessor/sub';
const outputNode = 'Postprocessor/Slice';

/**
 * Loads the engine.
 * @param folder has `model/` and the WebAssembly of TensorFlow.js
 */
export async function loadEmbedded(folder: string): Promise<Classifier> {
  sharp.cache(false);
  sharp.concurrency(1);
  await startBackend(folder);
  const [model, names] = await Promise.all([loadModel(folder), loadNames(folder)]);
  return {
    modelVersion: 'ssdlite-mobilenet-v2/1',
    classify: async ({ bytes }) => toLabels(await scoresOf(model, await decode(bytes)), names),
  };
}

async function startBackend(folder: string): Promise<void> {
  setWasmPaths(`${folder}/`);
  setThreadsCount(1);
  // The WebAssembly loader listens to every uncaught error of the process, which is not its business.
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => process.listeners(event as 'uncaughtException'));
  await tf.setBackend('wasm');
  events.forEach((event, i) => {
    for (const listener of process.listeners(event as 'uncaughtException')) {
      if (!before[i]!.includes(listener)) process.removeListener(event, listener);
    }
  });
}

async function loadModel(folder: string): Promise<GraphModel> {
  const [topology, weights] = await Promise.all([
    readFile(join(folder, 'model/model.json'), 'utf8'),
    readFile(join(folder, 'model/model.bin')),
  ]);
  const weightData = new Uint8Array(weights).buffer;
  return loadGraphModel({
    load: () =>
      tf.io.getModelArtifactsForJSON(JSON.parse(topology), async (manifest) => [
        manifest.flatMap((group) => group.weights),
        weightData,
      ]),
  });
}

async function loadNames(folder: string): Promise<readonly string[]> {
  return JSON.parse(await readFile(join(folder, 'model/labels.json'), 'utf8'));
}

/** Red, green and blue of every pixel, upright and squeezed into the model's square. */
async function decode(bytes: Uint8Array): Promise<Uint8Array> {
  try {
    return await sharp(bytes, { failOn: 'error', limitInputPixels: pictureLimits.maxPixels })
      .autoOrient()
      .resize(side, side, { fit: 'fill' })
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .raw()
      .toBuffer();
  } catch (error) {
    throw new Rejected('The picture is damaged: it cannot be decoded.', { cause: error });
  }
}

/** The greatest score of every class over all anchors. */
async function scoresOf(model: GraphModel, pixels: Uint8Array): Promise<number[]> {
  const input = tf.tidy(() => tf.sub(tf.mul(tf.tensor(pixels, [1, side, side, 3], 'float32'), 2 / 255), 1));
  // Not within tidy: that costs 40 ms and 165 MB more.
  const output = model.execute({ [inputNode]: input }, outputNode) as tf.Tensor;
  try {
    const [anchors, classes] = output.shape.slice(-2) as [number, number];
    const scores = await output.data();
    const best = new Array<number>(classes).fill(0);
    for (let i = 0; i < anchors * classes; i++) best[i % classes] = Math.max(best[i % classes]!, scores[i]!);
    return best;
  } finally {
    tf.dispose([input, output]);
  }
}

function toLabels(scores: readonly number[], names: readonly string[]): Label[] {
  return scores
    .map((score, i) => ({ name: names[i] ?? '', score: Math.round(Math.min(score, 1) * 1000) / 10 }))
    .filter(({ name, score }) => name !== '' && score >= labelLimits.minScore)
    .sort((a, b) => b.score - a.score)
    .slice(0, labelLimits.maxLabels);
}
