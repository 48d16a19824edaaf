/** Secrets Manager of a region: GetSecretValue, in its JSON protocol. */

import { createServer, type IncomingMessage } from 'node:http';
import { listen, shut } from '../loopback.ts';
import type { Part } from '../part.ts';
import { SecretStore, secretArn } from '../secrets.ts';

export interface SecretsConfig {
  readonly port: number;
  readonly account: string;
  /** Where the run keeps the secrets. */
  readonly stateDir: string;
}

const action = 'secretsmanager.GetSecretValue';
/** Longer requests are none that anybody makes. */
const maxBodyBytes = 65_536;

interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export const secrets: Part<SecretsConfig> = async ({ port, account, stateDir }, { region, log }) => {
  const store = new SecretStore(stateDir);

  const reply = async (request: IncomingMessage): Promise<Reply> => {
    const target = request.headers['x-amz-target'];
    if (target !== action) {
      return refusal('InvalidRequestException', `got action '${target}', expected '${action}'`);
    }
    const { SecretId = '' } = JSON.parse(await textOf(request)) as { SecretId?: string };
    const secret = store.find(SecretId, region);
    if (!secret) {
      return refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    }
    const ARN = secretArn(secret.name, region, account);
    const body = { ARN, Name: secret.name, SecretString: secret.value, VersionStages: ['AWSCURRENT'] };
    return { status: 200, body };
  };

  const server = createServer(async (request, response) => {
    const { status, body } = await reply(request).catch((error: Error) => {
      log(error.message);
      return refusal('InvalidRequestException', error.message);
    });
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify(body));
  });
  await listen(server, port);
  return { update: () => {}, close: () => shut(server) };
};

const refusal = (type: string, message: string): Reply => ({
  status: 400,
  body: { __type: type, message },
});

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > maxBodyBytes) throw new Error(`got more than ${maxBodyBytes} bytes`);
  }
  return text;
}
