/**
 * The secrets of a run, in one file that only its owner can read. Every reader opens the file anew, so the run
 * and the processes that answer GetSecretValue never disagree.
 */

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { arnOf, isArn, parseArn, stableId } from './arn.ts';

/** One secret with the regions that have it. */
export interface Secret {
  readonly name: string;
  readonly value: string;
  readonly regions: readonly string[];
}

export class SecretStore {
  readonly #file: string;

  /** @param stateDir folder that outlives a restart of the run */
  constructor(stateDir: string) {
    this.#file = join(stateDir, 'secrets.json');
  }

  /** Keeps a secret. An existing one of that name is replaced. */
  put(name: string, value: string, regions: readonly string[] = []): void {
    const others = this.#read().filter((secret) => secret.name !== name);
    const text = JSON.stringify([...others, { name, value, regions }], null, 2);
    writeFileSync(`${this.#file}.new`, text, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** The value of a secret, which is made on first use and then kept. The regions are always those given. */
  ensure(name: string, regions: readonly string[], make: () => string): string {
    const known = this.#read().find((secret) => secret.name === name);
    const value = known?.value ?? make();
    if (!known || known.regions.join() !== regions.join()) this.put(name, value, regions);
    return value;
  }

  /**
   * The value of a secret by name or ARN, complete or without its last six characters.
   * @throws Error that lists the names which are known.
   */
  value(nameOrArn: string): string {
    const secret = this.find(nameOrArn);
    if (secret) return secret.value;
    const known = this.#read().map(({ name }) => name);
    throw new Error(`no secret '${nameOrArn}', known are: ${known.join(', ') || 'none'}`);
  }

  /** A secret by name or ARN; with a region only if that region has it. */
  find(nameOrArn: string, region?: string): Secret | undefined {
    const wanted = isArn(nameOrArn) ? parseArn(nameOrArn).resource.replace(/^secret:/, '') : nameOrArn;
    return this.#read().find(
      ({ name, regions }) =>
        (wanted === name || wanted === `${name}-${secretSuffix(name)}`) &&
        (region === undefined || regions.includes(region)),
    );
  }

  #read(): Secret[] {
    return existsSync(this.#file) ? JSON.parse(readFileSync(this.#file, 'utf8')) : [];
  }
}

/** ARN of a secret or of its replica. */
export const secretArn = (name: string, region: string, account: string): string =>
  arnOf('secretsmanager', region, account, `secret:${name}-${secretSuffix(name)}`);

/** The six characters that Secrets Manager puts behind a name. */
const secretSuffix = (name: string): string => stableId(name, 6);
