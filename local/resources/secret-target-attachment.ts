/** AWS::SecretsManager::SecretTargetAttachment: the secret under a second logical id. */

import type { ResourceModule } from '../resource.ts';

export const secretTargetAttachment: ResourceModule = {
  type: 'AWS::SecretsManager::SecretTargetAttachment',
  identify(declared) {
    const arn = declared.require<string>('SecretId');
    return { ref: arn, attributes: { Id: arn } };
  },
};
