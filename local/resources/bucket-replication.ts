/** Custom::BucketReplication: the rules that a PutBucketReplication call of the template sets. */

import { parseArn } from '../arn.ts';
import type { Activity, Declared, ResourceModule, Site } from '../resource.ts';
import type { ReplicationRule } from '../s3/replicator.ts';
import { s3FrontOf } from '../s3/service.ts';

interface Call {
  readonly action: string;
  readonly parameters: {
    readonly Bucket: string;
    readonly ReplicationConfiguration: {
      readonly Rules: readonly {
        readonly Status: string;
        readonly Filter?: { readonly Prefix?: string };
        readonly DeleteMarkerReplication?: { readonly Status: string };
        readonly Destination: { readonly Bucket: string };
      }[];
    };
  };
}

export class BucketReplication implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;

  constructor(declared: Declared, site: Site) {
    this.#declared = declared;
    this.#site = site;
  }

  async start(): Promise<void> {
    const { Bucket, ReplicationConfiguration } = this.#call().parameters;
    const rules = ReplicationConfiguration.Rules.filter(({ Status }) => Status === 'Enabled');
    const replication = rules.map(({ Filter, DeleteMarkerReplication, Destination }): ReplicationRule => {
      const destination = parseArn(Destination.Bucket).resource;
      return {
        prefix: Filter?.Prefix ?? '',
        bucket: destination,
        region: this.#site.declared(Destination.Bucket).region,
        deleteMarkers: DeleteMarkerReplication?.Status === 'Enabled',
      };
    });
    await this.#front.set(this.#key, { bucket: Bucket, replication });
  }

  async stop(): Promise<void> {
    await this.#front.remove(this.#key);
  }

  get #key(): string {
    return `${this.#declared.stack}/${this.#declared.logicalId}`;
  }

  get #front() {
    return s3FrontOf(this.#site, this.#declared.region);
  }

  #call(): Call {
    const call = JSON.parse(this.#declared.require<string>('Create')) as Call;
    if (call.action === 'putBucketReplication') return call;
    const { stack, logicalId } = this.#declared;
    throw new Error(
      `${stack}/${logicalId}.Create: got action '${call.action}', expected 'putBucketReplication'`,
    );
  }
}

export const bucketReplication: ResourceModule<BucketReplication> = {
  type: 'Custom::BucketReplication',
  identify: ({ stack, logicalId }) => ({ ref: `${stack}-${logicalId}`, attributes: {} }),
  run: (declared, site) => new BucketReplication(declared, site),
};
