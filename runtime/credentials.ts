/**
 * Where a task or function finds its AWS credentials: Fargate serves them on an address, Lambda puts them into
 * variables. The bundle puts this in the place of the SDKs' own chain, which also knows profiles, single sign-on
 * and more, and makes up most of a bundle's size.
 */

import { fromEnv } from '@aws-sdk/credential-provider-env';
import { fromHttp } from '@aws-sdk/credential-provider-http';
import type { AwsCredentialIdentityProvider } from '@smithy/types';

export function defaultProvider(): AwsCredentialIdentityProvider {
  const served = process.env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  return served ? fromHttp() : fromEnv();
}

/** The same under the other name that the SDKs ask for. */
export const fromNodeProviderChain = defaultProvider;
