/** Secrets of two regions, as the SDK's client and the resolver see them. */

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { localCredentials } from '../../contract/local.ts';
import { generateSecret } from '../../local/generated-secret.ts';
import { secret } from '../../local/resources/secret.ts';
import { secretTargetAttachment } from '../../local/resources/secret-target-attachment.ts';
import { SecretStore } from '../../local/secrets.ts';
import { localVariables } from '../../local/variables.ts';
import { type SmallRun, type SmallStack, smallRun } from '../support/small-run.ts';

const [home, near, far] = ['us-east-1', 'eu-west-1', 'ap-southeast-1'] as const;

const stacks: Record<string, SmallStack> = {
  data: {
    region: home,
    resources: {
      Master: {
        Type: 'AWS::SecretsManager::Secret',
        Properties: {
          Name: 'database-master',
          GenerateSecretString: {
            SecretStringTemplate: '{"username":"boss"}',
            GenerateStringKey: 'password',
            PasswordLength: 30,
            ExcludeCharacters: ' %+~`#$&*()|[]{}:;<>?!\'/@"\\',
          },
          ReplicaRegions: [{ Region: near }],
        },
      },
      Attachment: {
        Type: 'AWS::SecretsManager::SecretTargetAttachment',
        Properties: { SecretId: { Ref: 'Master' } },
      },
    },
  },
  near: { region: near, resources: {} },
  far: {
    region: far,
    resources: { Own: { Type: 'AWS::SecretsManager::Secret', Properties: { SecretString: 'own' } } },
  },
};

const modules = [secret, secretTargetAttachment];
let run: SmallRun;
const clients: SecretsManagerClient[] = [];

beforeAll(async () => {
  run = await smallRun(stacks, { modules });
  await run.run.start();
}, 30_000);

afterAll(async () => {
  for (const client of clients) client.destroy();
  await run?.close();
}, 20_000);

function get(region: string, SecretId: string) {
  const client = new SecretsManagerClient({
    region,
    endpoint: localVariables(run, region).AWS_ENDPOINT_URL_SECRETS_MANAGER,
    credentials: localCredentials,
  });
  clients.push(client);
  return client.send(new GetSecretValueCommand({ SecretId }));
}

describe('a secret', () => {
  test('is read by ARN, by ARN without its last characters and by name', async () => {
    const arn = run.attribute('data', 'Attachment', 'Ref');
    expect(arn).toMatch(
      new RegExp(`^arn:aws:secretsmanager:${home}:\\d{12}:secret:database-master-[0-9a-f]{6}$`),
    );
    for (const id of [arn, arn.slice(0, -7), 'database-master']) {
      const { SecretString, ARN } = await get(home, id);
      expect(ARN).toBe(arn);
      expect(JSON.parse(SecretString!)).toEqual({
        username: 'boss',
        password: expect.stringMatching(/^.{30}$/),
      });
      expect(run.run.site(home).secret(id)).toBe(SecretString);
    }
  });

  test('is in the regions of its replicas and in no other', async () => {
    const there = await get(near, 'database-master');
    expect(there.ARN).toBe(run.attribute('data', 'Master', 'Ref').replace(home, near));
    expect(there.SecretString).toBe((await get(home, 'database-master')).SecretString);
    await expect(get(far, 'database-master')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  test("stays readable in a replica's region when its own is lost, and after that one was lost too", async () => {
    await run.run.stopRegion(home);
    await expect(get(home, 'database-master')).rejects.toThrow();
    await get(near, 'database-master');
    await run.run.stopRegion(near);
    await run.run.startRegion(near);
    await get(near, 'database-master');
    await run.run.startRegion(home);
    await get(home, 'database-master');
  }, 40_000);

  test('is kept, and only its owner reads the file', async () => {
    const { SecretString } = await get(home, 'database-master');
    expect(statSync(join(run.stateDir, 'secrets.json')).mode & 0o777).toBe(0o600);
    await run.close('keep');
    run = await smallRun(stacks, { modules, stateDir: run.stateDir });
    await run.run.start();
    expect((await get(home, 'database-master')).SecretString).toBe(SecretString);
  }, 40_000);

  test('that is not known is named, with those that are', () => {
    expect(() => new SecretStore(run.stateDir).value('database-mater')).toThrow(
      /no secret 'database-mater', known are: .*database-master/,
    );
  });
});

describe('a generated value', () => {
  const values = (spec: Parameters<typeof generateSecret>[0]) =>
    Array.from({ length: 50 }, () => generateSecret(spec));

  test('has each included type and nothing that is excluded', () => {
    for (const value of values({ PasswordLength: 4, ExcludeCharacters: 'aeiou"' })) {
      expect(value).toMatch(/^(?=.*[b-z])(?=.*[A-Z])(?=.*\d)(?=.*[^A-Za-z0-9]).{4}$/);
      expect(value).not.toMatch(/[aeiou"]/);
    }
    for (const value of values({ PasswordLength: 48, ExcludePunctuation: true })) {
      expect(value).toMatch(/^[A-Za-z0-9]{48}$/);
    }
    expect(new Set(values({})).size).toBe(50);
  });

  test('that cannot be made is refused', () => {
    expect(() => generateSecret({ PasswordLength: 3 })).toThrow(/got 3 characters of 4 types/);
  });
});
