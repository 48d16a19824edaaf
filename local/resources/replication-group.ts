/** AWS::ElastiCache::ReplicationGroup. */

import { arnOf, physicalName } from '../arn.ts';
import { CacheNode, cacheListing } from '../cache/node.ts';
import type { Declared, ResourceModule, Site } from '../resource.ts';

/** The parameter group's policy; volatile-lru is that of the default groups. */
function evictionPolicy(declared: Declared, site: Site): string {
  const group = declared.resolve<string>('CacheParameterGroupName');
  if (group === undefined || group.startsWith('default.')) return 'volatile-lru';
  return site.declared(group).resolve<string>('Properties.maxmemory-policy') ?? 'volatile-lru';
}

export const replicationGroup: ResourceModule<CacheNode> = {
  type: 'AWS::ElastiCache::ReplicationGroup',
  identify(declared, { book, account }) {
    const name = physicalName(declared, 'ReplicationGroupId');
    const port = String(book.list(cacheListing(declared)).port);
    const address = `127.0.0.1:${port}`;
    const clusterMode =
      declared.resolve<string>('ClusterMode') === 'enabled' ||
      Number(declared.resolve('NumNodeGroups') ?? 1) > 1;
    return {
      ref: name,
      attributes: {
        Arn: arnOf('elasticache', declared.region, account, `replicationgroup:${name}`),
        // Which endpoints there are depends on the cluster mode ("Return values").
        ...(clusterMode
          ? { 'ConfigurationEndPoint.Address': address, 'ConfigurationEndPoint.Port': port }
          : {
              'PrimaryEndPoint.Address': address,
              'PrimaryEndPoint.Port': port,
              'ReaderEndPoint.Address': address,
              'ReaderEndPoint.Port': port,
            }),
      },
    };
  },
  run: (declared, site) => new CacheNode(declared, site, () => evictionPolicy(declared, site)),
};
