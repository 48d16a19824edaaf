/**
 * The only variables that the local run adds to what a template gives a task or function. Running code has no
 * other way to differ between this machine and AWS, and never asks which of the two it is.
 */
export interface LocalVariables {
  /** Set by Fargate and Lambda on AWS. */
  readonly AWS_REGION: string;
  readonly AWS_ACCESS_KEY_ID: string;
  readonly AWS_SECRET_ACCESS_KEY: string;
  /** Service endpoints, as the AWS SDKs read them. */
  readonly AWS_ENDPOINT_URL_SQS: string;
  readonly AWS_ENDPOINT_URL_SNS: string;
  readonly AWS_ENDPOINT_URL_S3: string;
  readonly AWS_ENDPOINT_URL_SECRETS_MANAGER: string;
  readonly AWS_ENDPOINT_URL_LAMBDA: string;
  /** `off`: plain TCP and no IAM token, for a server on loopback. Anything else, or nothing: TLS and tokens. */
  readonly DATABASE_TLS: 'off';
  readonly CACHE_TLS: 'off';
  /** Address that the web service listens on. Without it, every address: a container has no other way in. */
  readonly LISTEN_HOST: '127.0.0.1';
}

/** Signs requests on this machine; every local service knows it. */
export const localCredentials = { accessKeyId: 'AKIDLOCAL', secretAccessKey: 'local-secret' } as const;
