/** AWS::RDS::GlobalCluster: a name that clusters of several regions share. */

import { arnOf, physicalName } from '../arn.ts';
import type { ResourceModule } from '../resource.ts';

export const globalCluster: ResourceModule = {
  type: 'AWS::RDS::GlobalCluster',
  identify(declared, { account }) {
    const name = physicalName(declared, 'GlobalClusterIdentifier');
    return {
      ref: name,
      attributes: { GlobalClusterArn: arnOf('rds', '', account, `global-cluster:${name}`) },
    };
  },
};
