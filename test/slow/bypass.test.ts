/** `cdnBypass`: CloudFront breaks, and the names that people know lead to the load balancers. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { App } from 'aws-cdk-lib';
import { environments } from '../../config/environments.ts';
import { resolveEnvironment } from '../../config/validate.ts';
import { headers as names } from '../../contract/http.ts';
import { gallery } from '../../lib/gallery.ts';
import { Meridian } from '../../lib/meridian.ts';
import { ControlClient } from '../../local/control-client.ts';
import { forgetState } from '../../local/data-root.ts';
import { Resolver } from '../../local/dns/resolver.ts';
import { viewerOf } from '../../local/edge/viewer.ts';
import { Session } from '../../local/session.ts';
import { makeBundles } from '../support/bundles.ts';
import { ask } from '../support/parts.ts';
import { project } from '../support/run.ts';

const { regions, domain, ...local } = environments['local']!;
const [region] = regions;

/** The environment `local` in one region, with the flag. */
const environment = {
  ...local,
  web: { ...local.web, peakRps: local.web.rpsPerTask },
  domain: domain!,
  regions: [region!],
  cdnBypass: true,
};

let session: Session;
const bundles = makeBundles(local.worker.engine);

beforeAll(async () => {
  session = await Session.open({
    project,
    environment: 'local',
    stateRoot: join('.meridian', `test-bypass-${process.pid}`),
    fresh: true,
    port: 0,
    async synthesize({ outdir }) {
      const { context } = JSON.parse(readFileSync(join(project, 'cdk.json'), 'utf8'));
      const app = new App({
        outdir,
        context,
        analyticsReporting: false,
        builtinCloudFormationValidation: false,
      });
      const resolved = resolveEnvironment('local', undefined, { local: environment });
      new Meridian(app, 'local', { environment: resolved, workload: gallery, bundles });
      app.synth();
    },
  });
  await session.start();
}, 120_000);

afterAll(async () => {
  await session?.end();
  if (session) forgetState(session.stateDir);
  bundles.remove();
}, 60_000);

test('the page and the API come from the load balancer, by the site’s own name', async () => {
  const { client } = ControlClient.of(session.stateRoot);
  const { resources, listeners } = await client.state();
  const cdn = resources.find(({ type }) => type === 'AWS::CloudFront::Distribution')!;
  await client.stopResource(cdn.region, cdn.logicalId);
  await expect(fetch(session.state().addresses.site)).rejects.toThrow();

  const portOf = (name: string) => Number(listeners[name]!.split(':')[1]);
  const resolver = new Resolver({ port: portOf('edge/dns'), secondMs: 1000 });
  try {
    for (const host of [`www.${domain!.name}`, domain!.name]) {
      const address = await resolver.address(host, viewerOf('DE')!);
      const port = portOf(address!);
      const page = await ask(port, '/', { headers: { host } });
      expect(page).toMatchObject({ status: 200, headers: { [names.servedRegion]: region!.name } });
      const [script] = /\/assets\/[\w.-]+\.js/.exec(page.body)!;
      // The page asks here for what the buckets behind CloudFront no longer give.
      const copy = script.replace('/assets/', '/fallback-assets/');
      expect((await ask(port, copy, { headers: { host } })).status).toBe(200);
      expect((await ask(port, '/api/images?limit=1', { headers: { host } })).status).toBe(200);
    }
  } finally {
    resolver.close();
  }
}, 60_000);
