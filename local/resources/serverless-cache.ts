/** AWS::ElastiCache::ServerlessCache: its policy is fixed. */

import { arnOf, physicalName } from '../arn.ts';
import { CacheNode, cacheListing } from '../cache/node.ts';
import type { ResourceModule } from '../resource.ts';

export const serverlessCache: ResourceModule<CacheNode> = {
  type: 'AWS::ElastiCache::ServerlessCache',
  identify(declared, { book, account }) {
    const name = physicalName(declared, 'ServerlessCacheName');
    const port = String(book.list(cacheListing(declared)).port);
    const address = `127.0.0.1:${port}`;
    return {
      ref: name,
      attributes: {
        ARN: arnOf('elasticache', declared.region, account, `serverlesscache:${name}`),
        'Endpoint.Address': address,
        'Endpoint.Port': port,
        'ReaderEndpoint.Address': address,
        'ReaderEndpoint.Port': port,
      },
    };
  },
  run: (declared, site) => new CacheNode(declared, site, () => 'volatile-lru'),
};
