/** AWS::SecretsManager::Secret: a value that is made once, readable in its region and where it is replicated. */

import { physicalName } from '../arn.ts';
import { type GenerateSecretString, generateSecret } from '../generated-secret.ts';
import type { SecretsConfig } from '../parts/secrets.ts';
import type { Activity, Declared, ResourceModule, Site } from '../resource.ts';
import { SecretStore, secretArn } from '../secrets.ts';
import { perRegion, SharedPart } from '../shared.ts';
import { serviceName } from '../variables.ts';

/** Secrets Manager of a region runs while any of its own secrets does. */
const secretsOf = perRegion(
  (site, region) =>
    new SharedPart<true, SecretsConfig>(site, region, 'secrets', () => ({
      port: site.book.list(serviceName(region, 'secrets')).port,
      account: site.account,
      stateDir: site.stateDir,
    })),
);

export class Secret implements Activity {
  readonly #declared: Declared;
  readonly #site: Site;

  constructor(declared: Declared, site: Site) {
    this.#declared = declared;
    this.#site = site;
  }

  async start(): Promise<void> {
    const { region } = this.#declared;
    const name = physicalName(this.#declared, 'Name');
    const replicas = this.#replicas();
    new SecretStore(this.#site.stateDir).ensure(name, [region, ...replicas], () => this.#make());
    await Promise.all([region, ...replicas].map((each) => this.#serve(each)));
  }

  /** Replicas stay: a region that is lost takes only its own with it. */
  async stop(): Promise<void> {
    await secretsOf(this.#site, this.#declared.region).remove(this.#key);
  }

  describe(): Readonly<Record<string, unknown>> {
    return { regions: [this.#declared.region, ...this.#replicas()] };
  }

  get #key(): string {
    return `${this.#declared.stack}/${this.#declared.logicalId}`;
  }

  #replicas(): string[] {
    const replicas = this.#declared.resolve<{ Region: string }[]>('ReplicaRegions') ?? [];
    // A replica may lie where nothing else of the environment does.
    return replicas.map(({ Region }) => Region).filter((region) => this.#site.regions.includes(region));
  }

  /** A region that is stopped has its replica again when it returns. */
  async #serve(region: string): Promise<void> {
    const host = this.#site.host(region);
    try {
      await secretsOf(this.#site, region).set(this.#key, true);
    } catch (error) {
      if (region === this.#declared.region || host.alive) throw error;
    }
  }

  #make(): string {
    const given = this.#declared.resolve<string>('SecretString');
    if (given !== undefined) return given;
    return generateSecret(this.#declared.resolve<GenerateSecretString>('GenerateSecretString') ?? {});
  }
}

export const secret: ResourceModule<Secret> = {
  type: 'AWS::SecretsManager::Secret',
  identify(declared, { account }) {
    const arn = secretArn(physicalName(declared, 'Name'), declared.region, account);
    return { ref: arn, attributes: { Id: arn } };
  },
  run: (declared, site) => new Secret(declared, site),
};
