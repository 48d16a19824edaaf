/** What the local run adds to the variables of a task or function: where AWS's services are on this machine. */

import { type LocalVariables, localCredentials } from '../contract/local.ts';
import type { AddressBook } from './address-book.ts';

/** Address-book name of a service of a region. `lambda` answers the Invoke call. */
export const serviceName = (region: string, service: 's3' | 'fauxqs' | 'secrets' | 'lambda'): string =>
  `${region}/${service}`;

/** The variables of a region; the services need not run yet. */
export function localVariables(site: { readonly book: AddressBook }, region: string): LocalVariables {
  const url = (service: Parameters<typeof serviceName>[1]) =>
    `http://127.0.0.1:${site.book.list(serviceName(region, service)).port}`;
  return {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
    AWS_ENDPOINT_URL_SQS: url('fauxqs'),
    AWS_ENDPOINT_URL_SNS: url('fauxqs'),
    AWS_ENDPOINT_URL_S3: url('s3'),
    AWS_ENDPOINT_URL_SECRETS_MANAGER: url('secrets'),
    AWS_ENDPOINT_URL_LAMBDA: url('lambda'),
    DATABASE_TLS: 'off',
    CACHE_TLS: 'off',
    LISTEN_HOST: '127.0.0.1',
  };
}
