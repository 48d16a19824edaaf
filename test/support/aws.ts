/** SQS, SNS and S3 on loopback, in this process. */

import { buildApp } from 'fauxqs';
import { localCredentials } from '../../contract/local.ts';

export interface AwsServices {
  readonly url: string;
  /** What a program needs to use them. */
  readonly variables: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export async function startAws(region: string): Promise<AwsServices> {
  const app = buildApp({ logger: false, defaultRegion: region });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    url,
    variables: {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
      AWS_ENDPOINT_URL_SQS: url,
      AWS_ENDPOINT_URL_SNS: url,
      AWS_ENDPOINT_URL_S3: url,
    },
    stop: async () => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

/** Sets variables of this process until the returned function is called. */
export function setVariables(variables: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}
