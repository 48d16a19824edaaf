/** AWS::S3::Bucket: a bucket of the region's store, behind the region's front. */

import { arnOf, physicalName } from '../arn.ts';
import { exchange } from '../exchange.ts';
import { type Fauxqs, fauxqsOf } from '../fauxqs.ts';
import type { Activity, Declared, ResourceModule, Site, Unit } from '../resource.ts';
import type { CorsRule } from '../s3/cors.ts';
import { s3FrontOf } from '../s3/service.ts';
import { serviceName } from '../variables.ts';

interface CorsRuleProperty {
  readonly AllowedOrigins: readonly string[];
  readonly AllowedMethods: readonly string[];
  readonly AllowedHeaders?: readonly string[];
  readonly ExposedHeaders?: readonly string[];
  readonly MaxAge?: number;
}

/** S3 names are in lower case, at most 63 characters. */
const nameOf = (declared: Declared): string =>
  physicalName(declared, 'BucketName')
    .toLowerCase()
    .slice(-63)
    .replace(/^[^a-z0-9]+/, '');

export class Bucket implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;
  readonly #fauxqs: Fauxqs;
  #open = false;

  constructor(declared: Declared, site: Site) {
    this.#declared = declared;
    this.#site = site;
    this.#fauxqs = fauxqsOf(site, declared.region);
  }

  async start(): Promise<void> {
    const bucket = nameOf(this.#declared);
    const endpoint = await this.#fauxqs.acquire(this.#key);
    const { status, body } = await exchange(endpoint, { method: 'PUT', path: `/${bucket}` });
    // An earlier start has made it.
    if (status >= 300 && status !== 409)
      throw new Error(`bucket ${bucket}: got ${status}, expected 200: ${body}`);
    await this.#front.set(this.#key, { bucket, cors: this.#cors() });
    this.#open = true;
  }

  async stop(): Promise<void> {
    this.#open = false;
    const released = this.#fauxqs.release(this.#key);
    await Promise.all([this.#front.remove(this.#key), released]);
  }

  units(): readonly Unit[] {
    const { port } = this.#site.book.list(serviceName(this.#declared.region, 's3'));
    const front: Unit = {
      id: 'front',
      state: this.#open ? 'running' : 'stopped',
      address: `127.0.0.1:${port}`,
    };
    return [this.#fauxqs.unit(), front];
  }

  /** Kills the region's object store, which comes back by itself. */
  async stopUnit(id: string): Promise<void> {
    if (id === '0') await this.#fauxqs.kill();
    else throw new Error('the front of S3 is part of the region: stop the bucket, or the region');
  }

  get #key(): string {
    return `${this.#declared.stack}/${this.#declared.logicalId}`;
  }

  get #front() {
    return s3FrontOf(this.#site, this.#declared.region);
  }

  #cors(): CorsRule[] {
    const rules = this.#declared.resolve<CorsRuleProperty[]>('CorsConfiguration.CorsRules') ?? [];
    return rules.map((rule) => ({
      origins: rule.AllowedOrigins,
      methods: rule.AllowedMethods,
      headers: rule.AllowedHeaders ?? [],
      exposed: rule.ExposedHeaders ?? [],
      ...(rule.MaxAge !== undefined && { maxAgeSeconds: Number(rule.MaxAge) }),
    }));
  }
}

export const bucket: ResourceModule<Bucket> = {
  type: 'AWS::S3::Bucket',
  identify(declared, { book }) {
    const name = nameOf(declared);
    const { region } = declared;
    const front = serviceName(region, 's3');
    const host = `${name}.s3.${region}.amazonaws.com`;
    const dualStack = `${name}.s3.dualstack.${region}.amazonaws.com`;
    book.list(front);
    for (const alias of [host, dualStack, `${name}.s3.amazonaws.com`]) book.alias(alias, front);
    return {
      ref: name,
      attributes: {
        Arn: arnOf('s3', '', '', name),
        DomainName: `${name}.s3.amazonaws.com`,
        RegionalDomainName: host,
        DualStackDomainName: dualStack,
      },
    };
  },
  run: (declared, site) => new Bucket(declared, site),
};
